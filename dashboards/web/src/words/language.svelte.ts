// What the operations page says, in the language in use.
import type { Language, Words } from '../states';
import { remember } from '../shell/remembered';
import { en } from './en';
import { tongue } from './tongue.svelte';
import { vi, type Messages } from './vi';

const MESSAGES: Readonly<Record<Language, Messages>> = { vi, en };

class Speech {
  get language(): Language {
    return tongue.language;
  }

  set language(language: Language) {
    tongue.language = language;
  }

  /** The messages of the language in use. */
  get say(): Messages {
    return MESSAGES[tongue.language];
  }

  /** The one that is not in use. */
  get other(): Language {
    return tongue.language === 'vi' ? 'en' : 'vi';
  }

  switch(): void {
    tongue.language = this.other;
    remember('language', tongue.language);
  }

  /** The text of the language in use; the other one when it is missing. */
  of(words: Partial<Words> | null | undefined): string {
    return tongue.of(words);
  }
}

export const speech = new Speech();
