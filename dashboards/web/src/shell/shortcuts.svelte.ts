// Whether shortcuts of one letter are on (a person may need them off), and whether their help is open.
import { remember, remembered } from './remembered';

class Shortcuts {
  on = $state(remembered('keys', ['on', 'off']) === 'on');
  help = $state(false);

  turn(on: boolean): void {
    this.on = on;
    remember('keys', on ? 'on' : 'off');
  }
}

export const shortcuts = new Shortcuts();
