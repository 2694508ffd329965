// The order in which alerts are read.
import { expect, test } from 'vitest';
import type { Alert } from '../api/wire';
import { byEnd, byUrgency, isOpen } from './order';

const alert = (id: string, change: Partial<Alert> = {}): Alert => ({
  id, title: {}, station: 'S', stationName: {}, property: null, unit: null, areaName: {}, state: 'active', severity: 'low',
  threshold: null, value: null, startedAt: 0, changedAt: 0, endedAt: null, ...change,
});

const ids = (alerts: Alert[]): string[] => alerts.map(({ id }) => id);

test('most severe first, then newest, then by identifier', () => {
  const alerts = [
    alert('old', { severity: 'high', startedAt: 1 }),
    alert('b'),
    alert('a'),
    alert('worst', { severity: 'catastrophic' }),
    alert('new', { severity: 'high', startedAt: 2 }),
  ];
  expect(ids(alerts.sort(byUrgency))).toEqual(['worst', 'new', 'old', 'a', 'b']);
});

test('an alert whose data stopped is still open', () => {
  expect(isOpen(alert('x', { state: 'unknown' }))).toBe(true);
  expect(isOpen(alert('x', { state: 'cleared' }))).toBe(false);
});

test('ended alerts: newest end first', () => {
  expect(ids([alert('a', { endedAt: 1 }), alert('b', { endedAt: 5 })].sort(byEnd))).toEqual(['b', 'a']);
});
