// The field page fits through a 2G network: what a phone loads before it shows the list, as it is built.
import { gzipSync } from 'node:zlib';
import { fileURLToPath } from 'node:url';
import { build, type InlineConfig } from 'vite';
import { expect, test } from 'vitest';
import { SHELL_FILE, shellOf, workerConfig, type Bundle, type Shell } from './field-shell';

const root = fileURLToPath(new URL('..', import.meta.url));

async function built(config: InlineConfig): Promise<Bundle> {
  const made = await build({ root, logLevel: 'silent', ...config, build: { ...config.build, write: false } });
  const [output] = Array.isArray(made) ? made : [made];
  if (!output || !('output' in output)) throw new Error('nothing was built');
  return Object.fromEntries(output.output.map((one) => [one.fileName, one])) as unknown as Bundle;
}

test('before the map the page is less than 150 kB, before the list less than 40 kB, compressed', async () => {
  const bundle = await built({ configFile: `${root}vite.field.config.ts` });
  const weight = (name: string): number => gzipSync(bundle[name]?.code ?? bundle[name]?.source ?? '').length;
  const all = shellOf(Object.values(bundle).find((chunk) => chunk.isEntry)?.fileName ?? '', bundle);
  const whole = all.reduce((sum, name) => sum + weight(name), 0);
  expect(all.some((name) => /maplibre|woff/.test(name))).toBe(false);
  expect(whole).toBeGreaterThan(10_000);
  expect(whole).toBeLessThan(150_000);
  const page = String(bundle['field.html']?.source);
  const first = [...page.matchAll(/(?:src|href)="\/(assets\/[^"]+)"/g)].map((match) => match[1] ?? '');
  const before = weight('field.html') + first.reduce((sum, name) => sum + weight(name), 0);
  expect(before).toBeLessThan(40_000);
  expect(/<script(?![^>]*src=)|<style|\son\w+=/.test(page)).toBe(false);

  const shell = JSON.parse(String(bundle[SHELL_FILE]?.source)) as Shell;
  expect(shell.files).toEqual(expect.arrayContaining(['/field', ...all.map((name) => `/${name}`)]));
  const worker = await built({ configFile: false, ...workerConfig(shell) });
  expect(Object.keys(worker)).toEqual(['field-worker.js']);
  const code = worker['field-worker.js']?.code ?? '';
  expect(/\b(import|export)\b[\s{*"'(]/.test(code)).toBe(false);
  for (const file of shell.files) expect(code).toContain(file);
}, 120_000);
