// Of several stations under one click none is left out without a word, and their list stays on the map.
import { expect, test } from 'vitest';
import { canEnlarge, listedOf, sideOf } from './chooser';

test.each([
  [2, true, 2],
  [8, true, 8],
  [9, true, 8],
  [200, true, 8],
  [9, false, 9],
  [200, false, 200],
])('of %i stations, enlarging possible: %s, %i are listed', (count, isLarger, expected) => {
  expect(listedOf(count, isLarger)).toBe(expected);
});

test('at the largest zoom a map is enlarged no more', () => {
  expect([3.2, 14.5, 14.995, 15].map((zoom) => canEnlarge(zoom, 15))).toEqual([true, true, false, false]);
});

test('the list stands where it has room', () => {
  const free = { top: 0, bottom: 0 };
  expect(sideOf(100, 800, free)).toEqual({ side: 'below', heightMax: 440 });
  expect(sideOf(500, 800, free)).toEqual({ side: 'above', heightMax: 440 });
  expect(sideOf(150, 400, free)).toEqual({ side: 'below', heightMax: 222 });
  expect(sideOf(300, 400, free)).toEqual({ side: 'above', heightMax: 272 });
  // What covers the map is no room.
  expect(sideOf(300, 600, { top: 0, bottom: 200 })).toEqual({ side: 'above', heightMax: 272 });
  expect(sideOf(5, 20, free).heightMax).toBe(0);
});
