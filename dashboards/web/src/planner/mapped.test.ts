// A period on the map: thin values never look firm, and colours are those of the server's layers.
import { describe, expect, test } from 'vitest';
import type { Station } from '../api/wire';
import { readAnswer } from './answer';
import { communesOf, inOrder, pointsOf } from './mapped';
import { markSvg, tileSvg } from './marks';
import { placeOf, stepsOf, VIRIDIS } from './steps';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const OVER = { from: '2026-10-01', to: '2026-11-01' };
const RUNNING = { from: '2026-11-01', to: '2026-12-01' };

const bucket = (part: Record<string, unknown>) => ({ time: '2026-10-01T00:00:00+07:00', end: '2026-11-01T00:00:00+07:00', partial: true, count: 100, expected: 100, completeness: 1, ...part });
const channels = (...rows: Array<[string, Record<string, unknown>]>) => readAnswer({ functions: ['sum', 'mean'], every: '100y', channels: rows.map(([channel, part]) => ({ channel, unit: 'mm', buckets: [bucket(part)] })) });
const communes = (...rows: Array<[string, Record<string, unknown>]>) => readAnswer({ functions: ['sum', 'mean', 'max'], property: 'rainfall', areas: rows.map(([area, part]) => ({ area, name: { vi: area }, unit: 'mm', buckets: [bucket(part)] })) });
const stations = ['A', 'B', 'C', 'D'].map((id) => ({ id, name: { vi: id }, areaName: {}, lon: 103, lat: 22 }) as unknown as Station);

describe('stations', () => {
  const answer = channels(['A/rainfall', { sum: 10 }], ['B/rainfall', { sum: 90, count: 40, completeness: 0.4 }], ['C/rainfall', { sum: 95, count: 10, completeness: 0.1 }], ['D/rainfall', { sum: null, count: 0, completeness: 0 }], ['X/rainfall', { sum: 1 }]);

  test('carry one value of a period that is over, and how firm it is', () => {
    const points = pointsOf(answer, stations, 'sum', OVER, NOW);
    expect(points.map(({ id, value, firmness, atLeast }) => [id, value, firmness, atLeast])).toEqual([['A', 10, 'firm', false], ['B', 90, 'thin', true], ['C', 95, 'scant', true], ['D', null, 'none', false]]);
  });

  test('of a period that is not over are not whole', () => {
    expect(pointsOf(answer, stations, 'sum', RUNNING, NOW)[0]?.firmness).toBe('partial');
  });

  test('with too few samples stand after those with enough, however great', () => {
    expect(inOrder(pointsOf(answer, stations, 'sum', OVER, NOW)).map(({ id }) => id)).toEqual(['A', 'B', 'C', 'D']);
  });
});

describe('communes', () => {
  test('are told when they have several stations, amounts as a mean of stations', () => {
    const answer = communes(['1', { sum: 90, stations: 3, stations_expected: 4 }], ['2', { sum: 5, stations: 1, stations_expected: 1 }], ['3', { sum: null, stations: 0, stations_expected: 2, count: 0, completeness: 0 }]);
    expect(communesOf(answer, 'sum', OVER, NOW).map(({ id, value, stations, stationsExpected, firmness }) => [id, value, stations, stationsExpected, firmness])).toEqual([['1', 30, 3, 4, 'firm'], ['3', null, 0, 2, 'none']]);
  });

  test('of whose stations half are missing are thin, however complete the others, and their mean is no lower bound', () => {
    const [half, all] = communesOf(communes(['1', { sum: 90, stations: 1, stations_expected: 2, completeness: 0.9 }], ['2', { sum: 90, stations: 2, stations_expected: 2, completeness: 0.9 }]), 'sum', OVER, NOW);
    expect([half?.firmness, half?.atLeast, all?.firmness, all?.atLeast]).toEqual(['thin', false, 'firm', true]);
  });

  test('with the highest of their stations are at least that high', () => {
    expect(communesOf(communes(['1', { max: 90, stations: 3, stations_expected: 4 }]), 'max', OVER, NOW)[0]?.value).toBe(90);
  });
});

describe('steps', () => {
  test('hold every value between round bounds', () => {
    const steps = stepsOf([3.2, 47], true);
    expect(steps.map(({ from, to }) => [from, to])).toEqual([[0, 10], [10, 20], [20, 30], [30, 40], [40, 50]]);
    expect([3.2, 10, 47, 50, 99].map((value) => placeOf(steps, value))).toEqual([0, 1, 4, 4, 4]);
    expect(new Set(steps.map(({ colour }) => colour)).size).toBe(5);
    expect(stepsOf([], true)).toEqual([]);
    expect(stepsOf([7, 7], false).length).toBeGreaterThan(0);
    expect(stepsOf([0], true).length).toBeGreaterThan(0);
  });

  test('have the colours of the server', () => {
    const [source] = Object.values(import.meta.glob<string>('../../../../src/layers/catalogue.rs', { query: '?raw', import: 'default', eager: true }));
    const of = source?.match(/const VIRIDIS[^=]*=\s*\[([^\]]*)\]/)?.[1] ?? '';
    expect([...of.matchAll(/"(#\w{6})"/g)].map(([, colour]) => colour)).toEqual([...VIRIDIS]);
  });
});

test('every kind of mark looks different', () => {
  const kinds = ['firm', 'partial', 'thin', 'scant', 'none'] as const;
  expect(new Set(kinds.map((kind) => markSvg('#22a884', kind, 26))).size).toBe(5);
  expect(kinds.map((kind) => tileSvg('#22a884', kind, 8) === null)).toEqual([true, true, false, false, false]);
});
