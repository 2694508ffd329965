// The page's messages in the language in use, and times as it says them.
import type { Language } from '../../states';
import { tongue } from '../../words/tongue.svelte';
import { en } from './en';
import { vi, type FieldMessages } from './vi';

const MESSAGES: Readonly<Record<Language, FieldMessages>> = { vi, en };

export const words = {
  get say(): FieldMessages {
    return MESSAGES[tongue.language];
  },
};
