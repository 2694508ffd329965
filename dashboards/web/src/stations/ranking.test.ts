// Where it is worst now: only what is current has a place.
import { expect, test } from 'vitest';
import type { Channel, Station } from '../api/wire';
import type { Seen } from '../live/picture.svelte';
import { offered, ranking } from './ranking';

const NOW = 1_000_000_000;
const channel = (value: number | null, change: Partial<Channel> = {}): Channel => ({
  property: 'vn_aqi', unit: '1', value, observedAt: value === null ? null : NOW - 60_000, receivedAt: NOW - 60_000, quality: 'good', freshUntil: null, declared: 'live',
  intervalMs: 3_600_000, graceMs: 60_000, derivedFrom: [], ...change,
});
const seen = (id: string, ...channels: Channel[]): Seen => ({ station: { id, channels } as unknown as Station, freshness: 'live' });

test('the highest current value comes first; equal values share a place', () => {
  const all = [seen('a', channel(40)), seen('b', channel(180)), seen('c', channel(40)), seen('d', channel(20))];
  expect(ranking(all, 'vn_aqi', NOW).map(({ seen, place }) => [seen.station.id, place])).toEqual([['b', 1], ['a', 2], ['c', 2], ['d', 4]]);
});

test('what is old, in doubt or missing stands after the others without a place', () => {
  const all = [
    seen('old', channel(300, { observedAt: NOW - 6 * 3_600_000 })),
    seen('faulty', channel(400, { quality: 'fault' })),
    seen('never', channel(null)),
    seen('maintained', channel(500, { declared: 'maintenance' })),
    seen('now', channel(10)),
    seen('other', channel(1, { property: 'rainfall' })),
  ];
  expect(ranking(all, 'vn_aqi', NOW).map(({ seen, place }) => [seen.station.id, place])).toEqual([['now', 1], ['old', null], ['faulty', null], ['never', null], ['maintained', null]]);
});

test('only what some station carries is offered', () => {
  expect(offered([seen('a', channel(1)), seen('b', channel(1, { property: 'rain_24h' }))])).toEqual(['vn_aqi', 'rain_24h']);
  expect(offered([])).toEqual([]);
});
