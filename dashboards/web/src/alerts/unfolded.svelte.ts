// Which incidents of the list are unfolded.
import { SvelteSet } from 'svelte/reactivity';

export const unfolded = new SvelteSet<string>();
