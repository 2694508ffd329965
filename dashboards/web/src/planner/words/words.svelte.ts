// The page's messages in the language in use.
import type { Language } from '../../states';
import { speech } from '../../words/language.svelte';
import { en } from './en';
import { vi, type PlannerMessages } from './vi';

const MESSAGES: Readonly<Record<Language, PlannerMessages>> = { vi, en };

export const words = {
  get say(): PlannerMessages {
    return MESSAGES[speech.language];
  },
};
