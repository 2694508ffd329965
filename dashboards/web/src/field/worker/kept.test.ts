// What the service worker keeps, and that it never keeps what is said of alerts.
import { expect, test } from 'vitest';
import { fitted } from '../photo';
import { AHEAD_MAX, tilesAround } from '../tiles';
import { TILES_MAX, tooMany, way } from './kept';

const SHELL = new Set(['/field', '/favicon.svg']);

test.each([
  ['GET', 'navigate', '/field', 'page'],
  ['GET', 'navigate', '/ranger', 'page'],
  ['GET', 'navigate', '/', 'network'],
  ['GET', 'no-cors', '/favicon.svg', 'kept'],
  ['GET', 'cors', '/assets/MapPanel-x.js', 'kept'],
  ['GET', 'cors', '/geo/lai-chau.geojson', 'kept'],
  ['GET', 'cors', '/tiles/areas/9/402/221', 'tile'],
  ['GET', 'cors', '/tiles/alerts/9/402/221', 'network'],
  ['GET', 'cors', '/api/v1/field/sync', 'network'],
  ['GET', 'cors', '/api/v1/field/photos/x', 'network'],
  ['POST', 'cors', '/api/v1/field/reports', 'network'],
  ['POST', 'cors', '/assets/x', 'network'],
])('%s %s %s: %s', (method, mode, path, expected) => {
  expect(way(method, mode, path, SHELL)).toBe(expected);
});

test('of too many the first go', () => {
  expect(tooMany([1, 2, 3], 2)).toEqual([1]);
  expect(tooMany([1, 2], 2)).toEqual([]);
});

test('tiles are kept around alerts, from far to near, within a bound that leaves room', () => {
  expect(AHEAD_MAX * 2).toBeLessThanOrEqual(TILES_MAX);
  expect(tilesAround([[103.25, 22.36]], [0], 99)).toEqual(['/tiles/areas/0/0/0']);
  expect(tilesAround([[103.25, 22.36]], [9], 99)).toContain('/tiles/areas/9/402/223');
  const many = Array.from({ length: 500 }, (_, place) => [102.5 + place / 400, 22 + (place % 7) / 10] as const);
  const found = tilesAround(many, [6, 7, 8, 9, 10, 11], AHEAD_MAX);
  expect(found).toHaveLength(AHEAD_MAX);
  expect(new Set(found).size).toBe(AHEAD_MAX);
});

test('a photo is drawn smaller, never larger, and keeps its shape', () => {
  expect(fitted(4000, 3000, 1280)).toEqual([1280, 960]);
  expect(fitted(300, 4000, 1280)).toEqual([96, 1280]);
  expect(fitted(640, 480, 1280)).toEqual([640, 480]);
  expect(fitted(1, 9000, 720)).toEqual([1, 720]);
});
