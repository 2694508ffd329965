// The order in which alerts are read, and how they fold.
import { expect, test } from 'vitest';
import type { Incident } from '../api/incidents';
import type { Alert } from '../api/wire';
import { alert, handling } from './fixture';
import { byEnd, byUrgency, fold, isOpen } from './order';

const ids = (alerts: readonly Alert[]): string[] => alerts.map(({ id }) => id);

test('what nobody looks after first, then most severe, then longest waiting, then by identifier', () => {
  const alerts = [
    alert('taken', { severity: 'catastrophic', handling: handling({ acknowledged: true }) }),
    alert('shelved', { severity: 'catastrophic', handling: handling({ quiet: true }) }),
    alert('new', { severity: 'high', startedAt: 2 }),
    alert('b'),
    alert('a'),
    alert('worst', { severity: 'very_high', startedAt: 9 }),
    alert('old', { severity: 'high', startedAt: 1 }),
  ];
  expect(ids(alerts.sort(byUrgency))).toEqual(['worst', 'old', 'new', 'a', 'b', 'taken', 'shelved']);
});

test('an alert whose data stopped is still open', () => {
  expect(isOpen(alert('x', { state: 'unknown' }))).toBe(true);
  expect(isOpen(alert('x', { state: 'cleared' }))).toBe(false);
});

test('ended alerts: newest end first', () => {
  expect(ids([alert('a', { endedAt: 1 }), alert('b', { endedAt: 5 })].sort(byEnd))).toEqual(['b', 'a']);
});

const incidentOf = (id: string): Incident => ({ id, title: {}, state: 'open', changedAt: 0, place: null, radiusM: 0, unknownStations: 0 });

test('an incident stands where its most urgent alert belongs, and an incident of one alert is that alert', () => {
  const rows = fold(
    [
      alert('fire-low', { incident: 'fire' }),
      alert('alone', { severity: 'high' }),
      alert('fire-worst', { incident: 'fire', severity: 'very_high' }),
      alert('only', { incident: 'flood', severity: 'medium' }),
      alert('fire-taken', { incident: 'fire', severity: 'catastrophic', handling: handling({ acknowledged: true }) }),
    ],
    new Map(['fire', 'flood'].map((id) => [id, incidentOf(id)])),
  );
  expect(rows.map(({ key, incident, alerts }) => [key, incident?.known?.id, ids(alerts)])).toEqual([
    ['fire', 'fire', ['fire-worst', 'fire-low', 'fire-taken']],
    ['alone', undefined, ['alone']],
    ['only', undefined, ['only']],
  ]);
});
