// Which value stands beside a threshold.
import { expect, test } from 'vitest';
import { alert } from '../alerts/fixture';
import { readRule } from '../api/rules';
import type { Channel } from '../api/wire';
import { newerSample } from './newest';

const rule = (from: object) => readRule({ name: 'r', enabled: true, in_force: true, rule: from }) ?? undefined;
const rain = alert('a', { property: 'rainfall', unit: 'mm', value: 112, changedAt: 100 });
const channel: Channel = {
  property: 'rainfall', unit: 'mm', value: 11.2, observedAt: 200, receivedAt: 200, quality: 'good', freshUntil: null, declared: 'live', intervalMs: 300_000, graceMs: 0, derivedFrom: [],
};
const burst = rule({ property: 'rainfall', levels: [{ above: 5, severity: 'low' }] });

test('a sample stands for an alert about samples, when it is newer, usable and in its unit', () => {
  expect(newerSample(rain, burst, [channel])?.value).toBe(11.2);
  expect(newerSample(rain, burst, [{ ...channel, observedAt: 50 }])).toBeUndefined();
  expect(newerSample(rain, burst, [{ ...channel, quality: 'fault' }])).toBeUndefined();
  expect(newerSample(rain, burst, [{ ...channel, unit: 'cm' }])).toBeUndefined();
});

test('a sample never stands for a sum of hours, a number of stations, or a rule that is not known', () => {
  expect(newerSample(rain, rule({ property: 'rainfall', of: { fn: 'sum', over: '1h' }, levels: [{ above: 100, severity: 'very_high' }] }), [channel])).toBeUndefined();
  expect(newerSample(rain, rule({ property: 'rainfall', count: { per: 'province' }, levels: [{ above: 2, severity: 'high' }] }), [channel])).toBeUndefined();
  expect(newerSample(rain, rule({ severity: 'high', any: [{ property: 'rainfall', above: 60, of: { fn: 'sum', over: '1h' } }] }), [channel])).toBeUndefined();
  expect(newerSample(rain, undefined, [channel])).toBeUndefined();
});
