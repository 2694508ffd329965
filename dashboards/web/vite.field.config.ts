// Builds the field page (field.html) and its service worker into dist/, beside the other pages and behind them. By itself,
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
    rolldownOptions: {
      input: { field: 'field.html', 'field-worker': 'src/field/worker/worker.ts' },
      // The service worker rules over the addresses below its own: it stands at the top, under a name that stays.
      output: { entryFileNames: (chunk) => (chunk.name === 'field-worker' ? 'field-worker.js' : 'assets/[name]-[hash].js') },
    },
  },
});
