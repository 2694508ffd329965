// The page's messages in the language in use.
import type { Language } from '../../states';
import { speech } from '../../words/language.svelte';
import { en } from './en';
import { vi, type AdminMessages } from './vi';

const MESSAGES: Readonly<Record<Language, AdminMessages>> = { vi, en };

export const words = {
  get say(): AdminMessages {
    return MESSAGES[speech.language];
  },
};

/** What the server says of a field: in the page's language where it is one of a few plain sentences, else as it came. */
export function fieldWords(message: string): { text: string; lang: 'en' | undefined } {
  const known = (words.say.messages as Record<string, string>)[message];
  return known === undefined ? { text: message, lang: 'en' } : { text: known, lang: undefined };
}
