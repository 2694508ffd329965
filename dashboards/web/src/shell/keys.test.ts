// Which key asks for what.
import { expect, test } from 'vitest';
import { GROUPS, wishOf } from './keys';

const press = (key: string, change = {}) => ({ key, ctrlKey: false, metaKey: false, altKey: false, ...change });

test('no key asks for two things', () => {
  const keys = Object.values(GROUPS).flat().map(([key]) => key);
  expect(new Set(keys).size).toBe(keys.length);
});

test('letters, with and without the shift lock', () => {
  expect(wishOf(press('a'), false)).toBe('acknowledge');
  expect(wishOf(press('A'), false)).toBe('acknowledge');
  expect(wishOf(press('?'), false)).toBe('help');
  expect(wishOf(press('Enter'), false)).toBeNull();
});

test('nothing is heard while something is written, nor of the browser’s own shortcuts', () => {
  expect(wishOf(press('a'), true)).toBeNull();
  expect(wishOf(press('a', { ctrlKey: true }), false)).toBeNull();
});
