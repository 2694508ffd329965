// Builds the field page (field.html) into dist/, beside the other pages and behind them. By itself,
// because what pages share is as large as all of them need: alone it is a sixth smaller, a second at 50 kbit/s.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { fieldShell } from './build/field-shell.ts';

export default defineConfig({
  plugins: [svelte(), fieldShell()],
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    emptyOutDir: false,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1800,
    rolldownOptions: { input: { field: 'field.html' } },
  },
});
