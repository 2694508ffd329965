// Every sentence of the administrator's page exists in both languages, and says something; the server's words have theirs.
import { expect, test } from 'vitest';
import { LEVELS } from '../areas/dated';
import { SECTIONS } from '../route';
import { VERBS } from '../deeds.svelte';
import { en } from './en';
import { vi } from './vi';

function leaves(from: object, path = ''): string[] {
  return Object.entries(from).flatMap(([key, value]) => {
    const name = `${path}.${key}`;
    if (typeof value === 'object' && value !== null) return leaves(value as object, name);
    const said: unknown = typeof value === 'function' ? (value as (...some: unknown[]) => unknown)('7', '8', '9', '10') : value;
    return [`${name}${typeof said === 'string' && said.trim() !== '' ? '' : ' says nothing'}`];
  });
}

test('the languages say the same things', () => {
  expect(leaves(en).sort()).toEqual(leaves(vi).sort());
  expect(leaves(vi).filter((name) => name.endsWith(' says nothing'))).toEqual([]);
});

test('nothing is left untranslated', () => {
  const flat = (from: object): string[] => Object.values(from).flatMap((value) => (typeof value === 'object' && value !== null ? flat(value as object) : typeof value === 'string' ? [value] : []));
  // Names of things are the same in both.
  const { messages: _, ...own } = vi;
  const same = flat(en).filter((text) => text.length > 12 && flat(own).includes(text));
  expect(same).toEqual([]);
});

test('sections and deeds have words', () => {
  expect(Object.keys(vi.sections).sort()).toEqual([...SECTIONS].sort());
  expect(Object.keys(vi.verbs).sort()).toEqual([...VERBS].sort());
});

const RUST = import.meta.glob<string>(['../../../../../src/registry/**/*.rs', '../../../../../src/auth/role.rs', '../../../../../src/auth/audit.rs', '../../../../../src/api/problem.rs'], { query: '?raw', import: 'default', eager: true });
const all = Object.values(RUST).join('\n');
const LEVEL = import.meta.glob<string>('../../../../../src/model/*.rs', { query: '?raw', import: 'default', eager: true });
const words = (pattern: RegExp): string[] => [...new Set([...all.matchAll(pattern)].map((match) => match[1] ?? ''))];

test('acts of the registry, of rules, and roles have words', () => {
  const record = Object.entries(RUST).find(([path]) => path.endsWith('/record.rs'))?.[1] ?? '';
  const acts = [...record.matchAll(/^ {4}\w+ = "(\w+)",$/gm)].map((match) => match[1] ?? '');
  expect(acts.length).toBeGreaterThan(4);
  expect(acts.filter((act) => !(act in vi.changes.acts))).toEqual([]);
  const versions = words(/RuleAct::\w+ => "(\w+)"/g);
  expect(versions.length).toBeGreaterThan(4);
  expect(versions.filter((act) => !(act in vi.versions.acts))).toEqual([]);
  expect(words(/Role::\w+ => "(\w+)"/g).filter((role) => !(role in vi.roles))).toEqual([]);
});

test('acts of the audit are called as the server calls them', () => {
  const audit = Object.entries(RUST).find(([path]) => path.endsWith('/auth/audit.rs'))?.[1] ?? '';
  const acts = [...audit.matchAll(/^ {4}\w+ = "(\w+)", "([^"]+)", "([^"]+)";$/gm)].map(([, word, vietnamese, english]) => [word, vietnamese, english]);
  expect(acts.length).toBeGreaterThan(20);
  const both = Object.entries(vi.audit.acts).map(([word, vietnamese]) => [word, vietnamese, (en.audit.acts as Record<string, string>)[word]]);
  expect(both.sort()).toEqual(acts.sort());
});

test('levels of areas are those of the model', () => {
  const level = Object.entries(LEVEL).map(([, text]) => text).join('\n');
  const known = [...level.matchAll(/AreaLevel::\w+ => "(\w+)"/g)].map((match) => match[1]);
  expect(known.length).toBeGreaterThan(3);
  expect([...LEVELS].sort()).toEqual([...new Set(known)].sort());
});

test('codes that the page explains are codes of the server', () => {
  const codes = words(/= "(\w+)", [A-Z_]+, "/g);
  const own = ['unreachable'];
  expect(Object.keys(vi.codes).filter((code) => !codes.includes(code) && !own.includes(code))).toEqual([]);
});
