// Which language the page speaks, remembered on this device; Vietnamese unless somebody chose otherwise.
import type { Language, Words } from '../states';
import { remember, remembered } from '../shell/remembered';
import { en } from './en';
import { vi, type Messages } from './vi';

const MESSAGES: Readonly<Record<Language, Messages>> = { vi, en };

class Speech {
  language = $state<Language>(remembered('language', ['vi', 'en']));

  /** The messages of the language in use. */
  get say(): Messages {
    return MESSAGES[this.language];
  }

  /** The one that is not in use. */
  get other(): Language {
    return this.language === 'vi' ? 'en' : 'vi';
  }

  switch(): void {
    this.language = this.other;
    remember('language', this.language);
  }

  /** The text of the language in use; the other one when it is missing (a station may be named in one only). */
  of(words: Partial<Words> | null | undefined): string {
    return words?.[this.language] ?? words?.vi ?? words?.en ?? '';
  }
}

export const speech = new Speech();
