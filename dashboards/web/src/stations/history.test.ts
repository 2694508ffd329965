// A day of samples made ready for drawing.
import { expect, test } from 'vitest';
import type { Bucket, Channel, Sample } from '../api/wire';
import { DAY_MS, HOUR_MS } from '../words/time';
import { bucketColumns, bucketGaps, bucketSummary, columns, completeness, endAround, extended, fittingSpan, gapAfterMs, gaps, summary, within } from './history';

const sample = (at: number, value: number, quality: Sample['quality'] = 'good'): Sample => ({ at, value, quality });
const channel = (at: number | null, value: number): Channel => ({
  property: 'p', unit: '1', value, observedAt: at, receivedAt: at, quality: 'good', freshUntil: null, declared: 'live', intervalMs: 60_000, graceMs: 300_000, derivedFrom: [],
});

test('a gap breaks the line, one missing sample does not', () => {
  expect(gapAfterMs({ intervalMs: 60_000, graceMs: 300_000 })).toBe(180_000);
  const [times, good] = columns([sample(0, 1), sample(120_000, 2), sample(400_000, 3)], 180_000);
  expect(times).toEqual([0, 120, 120.001, 400]);
  expect(good).toEqual([1, 2, null, 3]);
});

test('unusable samples stand apart and break the line', () => {
  const [, good, bad] = columns([sample(0, 1), sample(60_000, 9, 'fault')], 180_000);
  expect(good).toEqual([1, null]);
  expect(bad).toEqual([null, 9]);
});

test('the summary counts unusable samples and leaves them out', () => {
  expect(summary([sample(0, 1), sample(1, 3), sample(2, 99, 'calibrating')])).toEqual({ lowest: 1, highest: 3, mean: 2, last: 3, count: 3, doubtful: 1 });
  expect(summary([])).toBeNull();
});

test('a newer value is added once, and what is older than a day leaves', () => {
  const now = DAY_MS + 100;
  const day = [sample(50, 1), sample(200, 2)];
  const grown = extended(day, channel(300, 3), now);
  expect(grown.map(({ at }) => at)).toEqual([200, 300]);
  expect(extended(grown, channel(300, 3), now)).toHaveLength(2);
  expect(extended([], channel(null, 3), now)).toHaveLength(0);
});

test('the day is shown, unless everything lies in its last hours', () => {
  const now = DAY_MS;
  expect(fittingSpan([sample(now - 20 * HOUR_MS, 1)], now)).toBe(24);
  expect(fittingSpan([sample(now - 5 * HOUR_MS, 1)], now)).toBe(6);
  expect(fittingSpan([sample(now - 1000, 1)], now)).toBe(1);
  expect(fittingSpan([], now)).toBe(24);
});

test('a span leaves out what is older', () => {
  const samples = [sample(0, 1), sample(HOUR_MS, 2)];
  expect(within(samples, HOUR_MS + 1, HOUR_MS).map(({ value }) => value)).toEqual([2]);
  expect(within(samples, DAY_MS, HOUR_MS)).toEqual([]);
});

test('gaps are told from the first value on, within the picture, and unusable samples do not fill them', () => {
  const samples = [sample(100, 1), sample(200, 1), sample(450, 9, 'fault'), sample(700, 1)];
  expect(gaps(samples, 150, 0, 1000)).toEqual([[200, 700], [700, 1000]]);
  expect(gaps(samples, 150, 300, 710)).toEqual([[300, 700]]);
  expect(gaps([], 150, 0, 1000)).toEqual([]);
});

const bucket = (hour: number, count: number, mean: number | null = count > 0 ? 5 : null): Bucket => ({
  at: hour * HOUR_MS, end: (hour + 1) * HOUR_MS, mean, min: mean === null ? null : mean - 1, max: mean === null ? null : mean + 2, count, expected: 12,
});

test('a week in hours: what is missing is told, before the first value nothing is', () => {
  const week = [bucket(0, 0), bucket(1, 12), bucket(2, 0), bucket(3, 0), bucket(4, 6, 8), bucket(5, 0)];
  expect(bucketGaps(week)).toEqual([[2 * HOUR_MS, 4 * HOUR_MS], [5 * HOUR_MS, 6 * HOUR_MS]]);
  expect(completeness(week)).toBeCloseTo(18 / 60);
  expect(bucketSummary(week)).toEqual({ lowest: 4, highest: 10, mean: 6, last: 8, count: 18, doubtful: 0 });
  expect(bucketColumns(week)[1]).toEqual([null, 5, null, null, 8, null]);
  expect(bucketColumns(week)[0][1]).toBe(5400);
});

test('a week of nothing says nothing', () => {
  expect(bucketGaps([bucket(0, 0)])).toEqual([]);
  expect(completeness([bucket(0, 0)])).toBeNull();
  expect(bucketSummary([bucket(0, 0)])).toBeNull();
});

test('around a past moment the picture shows a little of what came after, and never the future', () => {
  const hour = 3_600_000;
  expect(endAround(10 * hour, 30 * hour, 24 * hour)).toBe(16 * hour);
  expect(endAround(10 * hour, 11 * hour, 24 * hour)).toBe(11 * hour);
});
