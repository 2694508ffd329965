// An alert for tests.
import type { Alert, Handling } from '../api/wire';

export const handling = (change: Partial<Handling> = {}): Handling => ({
  acknowledged: false, acknowledgedBy: [], assignedTo: null, shelved: null, closed: null, quiet: false, ...change,
});

export const alert = (id: string, change: Partial<Alert> = {}): Alert => ({
  id, rule: 'r', title: {}, text: {}, source: null, station: 'S', stationName: {}, area: null, areaName: {}, property: null, unit: null, state: 'active',
  severity: 'low', threshold: null, value: null, startedAt: 0, changedAt: 0, endedAt: null, version: 1, handling: handling(), incident: null,
  occurrences: 1, flapping: false, maskedBy: null, ...change,
});
