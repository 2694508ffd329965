// Tells the field page's service worker what the page is made of: the files that it needs before the map and the door.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Plugin } from 'vite';

/** Beside what the build makes. */
const BESIDE = ['/favicon.svg', '/field-early.js', '/field.webmanifest', '/field-192.png'];
const MARK = '__FIELD_SHELL__';

/** What is kept once somebody has asked for it: the map, the door. */
const WHEN_ASKED = /\/(MapPanel|SignIn)-/;

interface Chunk {
  type: string;
  code?: string;
  source?: string | Uint8Array;
  fileName: string;
  imports?: string[];
  dynamicImports?: string[];
  viteMetadata?: { importedCss: Set<string>; importedAssets: Set<string> };
}

/** What a page's entry is made of, also what it loads later, but not the map nor the door. */
export function shellOf(entry: string, bundle: Readonly<Record<string, Chunk>>): string[] {
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

export function fieldShell(): Plugin {
  return {
    name: 'field-shell',
    apply: 'build',
    enforce: 'post',
    generateBundle(_, output) {
      const bundle = output as unknown as Record<string, Chunk>;
      const entry = Object.values(bundle).find((chunk) => chunk.type === 'chunk' && /^assets\/field-(?!worker)[^/]*\.js$/.test(chunk.fileName) && 'isEntry' in chunk && chunk.isEntry);
      const worker = bundle['field-worker.js'];
      if (!entry || worker?.code === undefined) this.error('the field page or its worker was not built');
      const files = shellOf(entry.fileName, bundle);
      const hash = createHash('sha256');
      for (const file of files) hash.update(file);
      const page = bundle['field.html']?.source;
      if (page === undefined) this.error('field.html was not built before its worker');
      hash.update(page);
      for (const file of BESIDE) hash.update(readFileSync(`public${file}`));
      const shell = { version: hash.digest('hex').slice(0, 12), files: ['/field', ...BESIDE, ...files.map((file) => `/${file}`)] };
      if (!worker.code.includes(MARK)) this.error('the worker does not ask what the page is made of');
      // Twice: as the version and as the list.
      worker.code = worker.code.replaceAll(MARK, `(${JSON.stringify(shell)})`);
    },
  };
}
