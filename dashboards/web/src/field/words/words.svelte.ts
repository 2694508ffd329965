// The page's messages in the language in use, and times as it says them.
import type { Language } from '../../states';
import { tongue } from '../../words/tongue.svelte';
import type { Action } from '../wire';
import { en } from './en';
import { vi, type FieldMessages } from './vi';

const MESSAGES: Readonly<Record<Language, FieldMessages>> = { vi, en };

export const words = {
  /** What somebody said, in a word. */
  of(action: Action): string {
    const { acts, note } = MESSAGES[tongue.language];
    return action === 'note' ? note.short : acts[action];
  },
  get say(): FieldMessages {
    return MESSAGES[tongue.language];
  },
};
