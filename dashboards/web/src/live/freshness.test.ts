// Freshness by age must be the server's (src/model/freshness.rs), and never better than what the server said.
import { expect, test } from 'vitest';
import type { Channel, Station } from '../api/wire';
import { channelFreshness, freshnessByAge, stationFreshness } from './freshness';

const channel = (change: Partial<Channel> = {}): Channel => ({
  property: 'pm2_5',
  unit: 'ug/m3',
  value: 12,
  observedAt: 0,
  receivedAt: 0,
  quality: 'good',
  freshUntil: null,
  declared: 'live',
  intervalMs: 60_000,
  graceMs: 10_000,
  derivedFrom: [],
  ...change,
});

const station = (channels: Channel[]): Station => ({
  id: 'AQ-01', kind: 'air', name: { vi: 'Trạm' }, area: null, areaName: {}, lon: 103, lat: 22, channels, declared: 'live', severity: null,
});

test.each([
  [70_000, 'live'],
  [70_001, 'late'],
  [130_000, 'late'],
  [130_001, 'stale'],
  [310_000, 'stale'],
  [310_001, 'silent'],
  [-5_000, 'live'],
] as const)('%i ms old with one minute and 10 s of grace is %s', (age, expected) => {
  expect(freshnessByAge(age, 60_000, 10_000)).toBe(expected);
});

test('a value grows old although the server said live and nothing more comes', () => {
  expect(channelFreshness(channel(), 400_000)).toBe('silent');
});

test('the page never says better than the server', () => {
  expect(channelFreshness(channel({ declared: 'stale' }), 1_000)).toBe('stale');
});

test('sleep is not age: the server says how long a value stays as fresh as it is', () => {
  const morning = 12 * 3_600_000;
  expect(channelFreshness(channel({ freshUntil: morning }), morning)).toBe('live');
  expect(channelFreshness(channel({ freshUntil: morning }), morning + 1)).toBe('late');
  expect(channelFreshness(channel({ freshUntil: morning }), morning + 240_001)).toBe('silent');
  expect(channelFreshness(channel({ freshUntil: morning, declared: 'late' }), morning + 1)).toBe('stale');
  expect(channelFreshness(channel({ freshUntil: 70_000 }), 70_001)).toBe('late');
  expect(channelFreshness(channel({ freshUntil: morning, observedAt: null }), 0)).toBe('silent');
});

test('a value never seen is silent, and maintenance stays maintenance', () => {
  expect(channelFreshness(channel({ observedAt: null }), 0)).toBe('silent');
  expect(channelFreshness(channel({ declared: 'maintenance' }), 9e9)).toBe('maintenance');
});

test('a station is as fresh as its worst channel', () => {
  expect(stationFreshness(station([channel(), channel({ observedAt: -100_000 })]), 0)).toBe('late');
  expect(stationFreshness(station([]), 0)).toBe('silent');
});
