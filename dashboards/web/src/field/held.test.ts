// What the phone holds after answers: whole, in the order of urgency, and never looking newer than it is.
import { expect, test } from 'vitest';
import { taken, type Held } from './held';
import { readSync, type SyncAnswer } from './wire';

const record = (id: string, more: object = {}): object => ({
  ref: `r-${id}`, id, severity: 'high', state: 'active', kind: 'forest', position: [103.2, 22.3], started_at: '2026-11-21T08:00:00+07:00', changed_at: '2026-11-21T08:00:00+07:00',
  text: { vi: { title: `Khói ${id}`, head: 'x', place: 'Tại A', coordinates: ['WGS 84: 1, 2'], value: 'v', when: 'w' } },
  handling: { acknowledged: false, by: [], quiet: false, mine: null }, ...more,
});
const answer = (alerts: object[], more: object = {}): SyncAnswer =>
  readSync({ account: 'lan', as_of: '2026-11-21T08:00:00+07:00', removed: [], alerts, more: false, cursor: 'AQ', open: 1, withheld: 0, may_close: false, ...more });
const ids = (held: Held): string[] => held.alerts.map((alert) => alert.id);

test('pages add up, the most severe first, what is dealt with last', () => {
  const first = taken(null, answer([record('a'), record('b', { severity: 'low' })], { more: true }), 'vi', 1_000);
  const second = taken(first, answer([record('c', { severity: 'catastrophic', handling: { quiet: true, by: [] } }), record('d', { severity: 'very_high' })]), 'vi', 2_000);
  expect(ids(second)).toEqual(['d', 'a', 'b', 'c']);
  const third = taken(second, answer([record('a', { changed_at: '2026-11-21T09:00:00+07:00' }), record('e')], { removed: ['r-d', 'r-unknown'] }), 'vi', 3_000);
  expect(ids(third)).toEqual(['a', 'e', 'b', 'c']);
});

test('half an answer does not make what is held look new', () => {
  const held = taken(null, answer([record('a')]), 'vi', 1_000);
  const half = taken(held, answer([record('b')], { more: true }), 'vi', 9_000);
  expect(half.heardAt).toBe(1_000);
  expect(taken(half, answer([record('c')]), 'vi', 9_500).heardAt).toBe(9_500);
});

test('the first part of everything is neither new nor everything', () => {
  const first = taken(null, answer([record('a')], { more: true, open: 40 }), 'vi', 1_000);
  expect([first.heardAt, first.more, first.open, first.alerts.length]).toEqual([null, true, 40, 1]);
  const second = taken(first, answer([record('b')], { open: 2 }), 'vi', 2_000);
  expect([second.heardAt, second.more, second.alerts.length]).toEqual([2_000, false, 2]);
  const other = taken(second, answer([record('c')], { account: 'binh', more: true }), 'vi', 3_000);
  expect(other.heardAt).toBeNull();
});

test('another account begins with nothing of the one before', () => {
  const held = taken(null, answer([record('a')]), 'vi', 1_000);
  expect(ids(taken(held, answer([record('b')], { account: 'binh' }), 'vi', 2_000))).toEqual(['b']);
});

test('one odd alert hides no other, and odd parts are left out', () => {
  const read = answer([record('a'), { id: 'b' }, record('c', { severity: 'apocalyptic' }), record('d', { position: ['x', 1], handling: null, text: null })]);
  expect(read.alerts.map((alert) => [alert.id, alert.position, alert.by])).toEqual([['a', [103.2, 22.3], []], ['d', null, []]]);
  expect(() => readSync({})).toThrow();
});
