// Builds the operations page (index.html), the planner's page (history.html), the administrator's page (admin.html) and the API browser (docs.html) into dist/,
// which the server embeds; the field page has a build of its own (vite.field.config.ts).
// Nothing is inlined: the server's content security policy admits scripts, styles, fonts and workers from itself only.
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

const server = process.env.SAOLA_HTTP ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [svelte()],
  // MapLibre starts its worker as a module; the classic format leaves the map blank.
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // MapLibre and Swagger UI are each one large chunk on purpose; the server is in the same building.
    chunkSizeWarningLimit: 1800,
    rolldownOptions: { input: { index: 'index.html', history: 'history.html', admin: 'admin.html', docs: 'docs.html' } },
  },
  server: { proxy: { '/api': server, '/tiles': server, '/openapi.json': server, '/healthz': server, '/readyz': server } },
  preview: { proxy: { '/api': server, '/tiles': server, '/openapi.json': server, '/healthz': server, '/readyz': server } },
  test: { include: ['src/**/*.test.ts', 'build/**/*.test.ts'], environment: 'node' },
});
