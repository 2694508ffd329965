// Every sentence exists in both languages, and says something.
import { expect, test } from 'vitest';
import { CAUSES, CLOSE_CAUSES, DEEDS, DELIVERY_KINDS, DELIVERY_STATES, FUNCTIONS, partWords, PARTS, REASONS, recipientWords, spanWords, word } from './codes';
import { en } from './en';
import { vi } from './vi';

function leaves(from: object, path = ''): string[] {
  return Object.entries(from).flatMap(([key, value]) => {
    const name = `${path}.${key}`;
    if (typeof value === 'object' && value !== null) return leaves(value as object, name);
    const said: unknown = typeof value === 'function' ? (value as (...some: unknown[]) => unknown)('7', '8', '9', '10', '11') : value;
    return [`${name}${typeof said === 'string' && said.trim() !== '' ? '' : ' says nothing'}`];
  });
}

test('the languages say the same things', () => {
  expect(leaves(en).sort()).toEqual(leaves(vi).sort());
  expect(leaves(vi).filter((name) => name.endsWith('nothing'))).toEqual([]);
});

const RUST = import.meta.glob<string>(['../../../../src/model/rejection.rs', '../../../../src/model/alert.rs', '../../../../src/model/workflow.rs'], { query: '?raw', import: 'default', eager: true });
const source = (name: string): string => Object.entries(RUST).find(([path]) => path.endsWith(name))?.[1] ?? '';
const found = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

test('every reason of a rejection, cause of a change and cause of closing has words', () => {
  const reasons = found(source('/rejection.rs'), /^    \w+ = "(\w+)",$/gm);
  expect(reasons.length).toBeGreaterThan(25);
  expect(reasons.filter((reason) => !(reason in REASONS))).toEqual([]);
  expect(found(source('/alert.rs'), /Cause::\w+ => "(\w+)"/g).filter((cause) => !(cause in CAUSES))).toEqual([]);
  const closing = found(source('/workflow.rs'), /CloseCause::\w+ => "(\w+)"/g);
  expect(closing.sort()).toEqual(Object.keys(CLOSE_CAUSES).sort());
});

test('codes have both languages', () => {
  for (const codes of [DEEDS, CAUSES, DELIVERY_KINDS, DELIVERY_STATES, FUNCTIONS, PARTS, REASONS]) {
    for (const words of Object.values(codes)) expect(words.vi === '').toBe(words.en === '');
  }
});

test('a word that is newer than the page is shown as it is', () => {
  expect(word(REASONS, 'brand_new', 'vi')).toBe('brand new');
  expect(partWords('broker lorawan', 'vi')).toBe('Broker lorawan');
  expect(recipientWords('duty:command', 'vi')).toBe('ca trực command');
  expect(recipientWords('lan', 'vi')).toBe('lan');
  expect(spanWords('10m', 'vi')).toBe('10 phút');
  expect(spanWords('P1D', 'en')).toBe('P1D');
});
