// Which language is spoken, remembered on this device; Vietnamese unless somebody chose otherwise. Apart from what is
// said, so that a page on a poor network loads its own sentences only.
import type { Language, Words } from '../states';
import { remembered } from '../shell/remembered';

class Tongue {
  language = $state<Language>(remembered('language', ['vi', 'en']));

  /** The text of the language in use; the other one when it is missing (a station may be named in one only). */
  of(words: Partial<Words> | null | undefined): string {
    return words?.[this.language] ?? words?.vi ?? words?.en ?? '';
  }
}

export const tongue = new Tongue();
