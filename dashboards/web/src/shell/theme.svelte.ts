// Dark or light, remembered on this device; dark unless somebody chose otherwise, for rooms that are dark at night.
import type { Theme } from '../states';
import { remember, remembered } from './remembered';

class Look {
  theme = $state<Theme>(remembered('theme', ['dark', 'light']));

  switch(): void {
    this.theme = this.theme === 'dark' ? 'light' : 'dark';
    remember('theme', this.theme);
  }
}

export const look = new Look();
