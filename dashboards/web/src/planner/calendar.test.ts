// Days and buckets of Viet Nam's calendar.
import { expect, test } from 'vitest';
import { before, bucketCount, dayOf, fittingEvery, isDay, lengthDays, longer, presetOf, presetPeriod, startOf, timeTicks } from './calendar';

/** 00:30 on 1 March in Viet Nam, still February in Greenwich. */
const NOW = Date.parse('2026-02-28T17:30:00Z');

test('days begin at midnight of Viet Nam', () => {
  expect(dayOf(NOW)).toBe('2026-03-01');
  expect(new Date(startOf('2026-03-01')).toISOString()).toBe('2026-02-28T17:00:00.000Z');
});

test.each([
  ['days7', '2026-02-23', '2026-03-02'],
  ['days30', '2026-01-31', '2026-03-02'],
  ['thisMonth', '2026-03-01', '2026-03-02'],
  ['lastMonth', '2026-02-01', '2026-03-01'],
  ['thisYear', '2026-01-01', '2026-03-02'],
  ['lastYear', '2025-01-01', '2026-01-01'],
] as const)('%s is a period of days', (preset, from, to) => {
  expect(presetPeriod(preset, NOW)).toEqual({ from, to });
  expect(presetOf({ from, to }, NOW)).toBe(preset);
});

test('the month before January is December', () => {
  expect(presetPeriod('lastMonth', Date.parse('2026-01-10T00:00:00Z'))).toEqual({ from: '2025-12-01', to: '2026-01-01' });
});

test('the period before whole months is whole months, otherwise as many days', () => {
  expect(before({ from: '2026-03-01', to: '2026-04-01' })).toEqual({ from: '2026-02-01', to: '2026-03-01' });
  expect(before({ from: '2026-01-01', to: '2027-01-01' })).toEqual({ from: '2025-01-01', to: '2026-01-01' });
  expect(before({ from: '2026-03-05', to: '2026-03-12' })).toEqual({ from: '2026-02-26', to: '2026-03-05' });
});

test.each([['2026-02-29', false], ['2024-02-29', true], ['26-1-1', false], ['2026-13-01', false], ['', false]])('%s is a day: %s', (text, expected) => {
  expect(isDay(text)).toBe(expected);
});

test('buckets fit their period', () => {
  const of = (from: string, to: string) => fittingEvery({ from, to });
  expect(of('2026-03-01', '2026-03-02')).toBe('15m');
  expect(of('2026-03-01', '2026-03-08')).toBe('1h');
  expect(of('2026-03-01', '2026-04-01')).toBe('1d');
  expect(of('2026-01-01', '2027-01-01')).toBe('1mo');
  expect(of('2016-01-01', '2027-01-01')).toBe('1y');
  expect(bucketCount({ from: '2026-03-01', to: '2026-03-02' }, '15m')).toBe(96);
  expect(lengthDays({ from: '2026-02-01', to: '2026-03-01' })).toBe(28);
  expect([longer('1m'), longer('1y')]).toEqual(['5m', null]);
});

test('the time axis is marked at days that a month begins with, never more often than there is room', () => {
  const { step, at } = timeTicks(startOf('2026-10-01'), startOf('2026-11-01'), 8);
  expect(step).toBe('day');
  expect(at.map(dayOf)).toEqual(['2026-10-01', '2026-10-06', '2026-10-11', '2026-10-16', '2026-10-21', '2026-10-26', '2026-11-01']);
  const years = timeTicks(startOf('1990-01-01'), startOf('2026-01-01'), 6);
  expect(years.step).toBe('year');
  expect(years.at.length).toBeLessThanOrEqual(6);
  const hours = timeTicks(startOf('2026-10-01'), startOf('2026-10-02'), 5);
  expect(hours.at.map((at) => new Date(at).getUTCHours())).toEqual([17, 23, 5, 11, 17]);
});
