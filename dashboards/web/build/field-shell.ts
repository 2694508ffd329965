// Tells the field page's service worker what the page is made of: the files that it needs before the map and the door.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin, UserConfig } from 'vite';

/** Beside what the build makes. */
const BESIDE = ['/favicon.svg', '/field-early.js', '/field.webmanifest', '/field-192.png'];
/** Where one build leaves it for the other, in dist/. */
export const SHELL_FILE = 'field-shell.json';
/** What is kept once somebody has asked for it: the map, the door. */
const WHEN_ASKED = /\/(MapPanel|SignIn)-/;

export interface Shell {
  version: string;
  files: string[];
}

interface Chunk {
  type: string;
  isEntry?: boolean;
  code?: string;
  source?: string | Uint8Array;
  fileName: string;
  imports?: string[];
  dynamicImports?: string[];
  viteMetadata?: { importedCss: Set<string>; importedAssets: Set<string> };
}
export type Bundle = Readonly<Record<string, Chunk>>;

/** What a page's entry is made of, also what it loads later, but not the map nor the door. */
export function shellOf(entry: string, bundle: Bundle): string[] {
  const found = new Set<string>();
  const open = [entry];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (found.has(name)) continue;
    found.add(name);
    const chunk = bundle[name];
    open.push(...(chunk?.imports ?? []), ...(chunk?.dynamicImports ?? []).filter((later) => !WHEN_ASKED.test(later)));
    for (const file of [...(chunk?.viteMetadata?.importedCss ?? []), ...(chunk?.viteMetadata?.importedAssets ?? [])]) found.add(file);
  }
  return [...found].sort();
}

/** Leaves the list beside the page. */
export function fieldShell(): Plugin {
  return {
    name: 'field-shell',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, output) {
      const bundle = output as unknown as Bundle;
      const entry = Object.values(bundle).find((chunk) => chunk.type === 'chunk' && chunk.isEntry === true);
      const page = bundle['field.html']?.source;
      if (!entry || page === undefined) this.error('the field page was not built');
      const files = shellOf(entry.fileName, bundle);
      const hash = createHash('sha256').update(files.join()).update(page);
      for (const file of BESIDE) hash.update(readFileSync(`public${file}`));
      const shell: Shell = { version: hash.digest('hex').slice(0, 12), files: ['/field', ...BESIDE, ...files.map((file) => `/${file}`)] };
      this.emitFile({ type: 'asset', fileName: SHELL_FILE, source: `${JSON.stringify(shell)}\n` });
    },
  };
}

/**
 * The service worker by itself: one classic script without imports, which every browser starts. It stands at the top, because
 * it rules over the addresses below its own, under a name that stays.
 */
export function workerConfig(shell: Shell): UserConfig {
  return {
    define: { __FIELD_SHELL__: JSON.stringify(shell) },
    publicDir: false,
    build: {
      target: 'es2022',
      emptyOutDir: false,
      modulePreload: false,
      rolldownOptions: { input: { 'field-worker': 'src/field/worker/worker.ts' }, output: { entryFileNames: '[name].js' } },
    },
  };
}
