// Every sentence exists in both languages, and says something.
import { expect, test } from 'vitest';
import { ago, clockOf } from './times';
import { en } from './en';
import { vi } from './vi';

function leaves(from: object, path = ''): string[] {
  return Object.entries(from).flatMap(([key, value]) => {
    const name = `${path}.${key}`;
    if (typeof value === 'object' && value !== null) return leaves(value as object, name);
    const said: unknown = typeof value === 'function' ? (value as (...some: unknown[]) => unknown)(7, 8) : value;
    return [`${name}${typeof said === 'string' && said.trim() !== '' ? '' : ' says nothing'}`];
  });
}

test('the languages say the same things', () => {
  expect(leaves(en).sort()).toEqual(leaves(vi).sort());
  expect(leaves(vi).filter((name) => name.endsWith('nothing'))).toEqual([]);
});

test.each([
  [900, 'vừa xong', 'just now'],
  [12_400, '12 giây trước', '12 s ago'],
  [180_000, '3 phút trước', '3 min ago'],
  [2 * 3_600_000, '2 giờ trước', '2 h ago'],
  [3 * 86_400_000, '3 ngày trước', '3 days ago'],
  [-60_000, vi.age.ahead, en.age.ahead],
])('an age of %i ms is rounded down', (ms, vietnamese, english) => {
  expect(ago(ms, vi)).toBe(vietnamese);
  expect(ago(ms, en)).toBe(english);
});

test('clock times are those of Viet Nam, with the day when it is another', () => {
  const at = Date.parse('2026-11-21T18:05:09Z');
  expect(clockOf(at, at)).toBe('01:05');
  expect(clockOf(at, at + 86_400_000)).toBe('01:05 22/11');
});
