// Svelte's compiler options: runes everywhere, so that reactivity is always written down.
import { vitePreprocess } from '@sveltejs/vite-plugin-svelte';

export default { preprocess: vitePreprocess(), compilerOptions: { runes: true } };
