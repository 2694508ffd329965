// @vitest-environment node
// The field page fits through a 2G network: what a phone loads before it shows the list, as it is built.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';
import { expect, test } from 'vitest';
import { shellOf } from './field-shell';

const root = fileURLToPath(new URL('..', import.meta.url));

test('before the map the page is less than 150 kB, before the list less than 40 kB, compressed', async () => {
  const built = await build({ root, configFile: `${root}vite.field.config.ts`, logLevel: 'silent', build: { write: false } });
  const [output] = Array.isArray(built) ? built : [built];
  if (!output || !('output' in output)) throw new Error('nothing was built');
  const bundle = Object.fromEntries(output.output.map((one) => [one.fileName, one])) as unknown as Parameters<typeof shellOf>[1];
  const weight = (name: string): number => {
    const { code, source } = bundle[name] ?? {};
    return gzipSync(code ?? source ?? '').length;
  };
  const entry = Object.keys(bundle).find((name) => /^assets\/field-(?!worker)[^/]*\.js$/.test(name)) ?? '';
  const all = shellOf(entry, bundle);
  const whole = all.reduce((sum, name) => sum + weight(name), 0);
  expect(all.some((name) => name.includes('maplibre') || name.includes('woff'))).toBe(false);
  expect(whole).toBeGreaterThan(10_000);
  expect(whole).toBeLessThan(150_000);
  const page = String(bundle['field.html']?.source);
  const first = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1] ?? '');
  const before = weight('field.html') + first.reduce((sum, name) => sum + weight(name), 0);
  expect(before).toBeLessThan(40_000);
  // The worker is one classic script: without imports every browser starts it.
  const worker = String(bundle['field-worker.js']?.code);
  expect(/\b(import|export)\b[\s{*"'(]/.test(worker)).toBe(false);
  for (const name of all) expect(worker).toContain(`"/${name}"`);
  expect(/<script(?![^>]*src=)|<style|\son\w+=/.test(page)).toBe(false);
}, 120_000);
