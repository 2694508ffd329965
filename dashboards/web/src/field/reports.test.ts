// Reports leave in their order, together where they are small, and every answer ends or keeps each of them.
import { expect, test } from 'vitest';
import { body, fate, freshKey, isFinal, next, type Waiting } from './reports';
import { readResults } from './wire';

const report = (place: number, more: Partial<Waiting> = {}): Waiting => ({
  place, key: `k${place}`, account: 'lan', alert: 'a', title: 'Khói', action: 'acknowledged', note: '', at: Date.UTC(2026, 10, 21, 1), position: null, photo: null, refused: null, ...more,
});
const places = (reports: readonly Waiting[]): number[] => reports.map((one) => one.place);

test('the oldest of the account go first, photos for themselves', () => {
  const photo = 'x'.repeat(160_000);
  const queue = [report(1), report(2, { account: 'binh' }), report(3, { photo }), report(4, { photo }), report(5)];
  expect(places(next(queue, 'lan'))).toEqual([1]);
  expect(places(next(queue.slice(1), 'lan'))).toEqual([3]);
  expect(places(next(queue.slice(3), 'lan'))).toEqual([4, 5]);
  expect(places(next([report(1, { photo: 'x'.repeat(900_000) })], 'lan'))).toEqual([1]);
  expect(places(next([report(1, { refused: { code: 'x', reason: 'y' } }), report(2)], 'lan'))).toEqual([2]);
  expect(next(queue, 'nobody')).toEqual([]);
  expect(next(Array.from({ length: 30 }, (_, place) => report(place)), 'lan')).toHaveLength(10);
});

test('a photo holds up nothing but what was said of its own alert after it', () => {
  const queue = [report(1, { photo: 'x'.repeat(600_000) }), report(2), report(3, { alert: 'b' }), report(4, { alert: 'c', photo: 'x' }), report(5, { alert: 'd' })];
  expect(places(next(queue, 'lan'))).toEqual([3, 5]);
  const behind = queue.filter(({ place }) => place !== 3 && place !== 5);
  expect(places(next(behind, 'lan'))).toEqual([1]);
  expect(places(next(behind.slice(1), 'lan'))).toEqual([2]);
});

test('a report is about what its author saw', () => {
  expect(body(report(1, { seen: 'high.7' })).seen).toBe('high.7');
});

test('a report says what the server takes, and nothing more', () => {
  expect(body(report(1))).toEqual({ key: 'k1', alert: 'a', action: 'acknowledged', note: '', at: '2026-11-21T01:00:00.000Z' });
  expect(Object.keys(body(report(1, { photo: 'x', position: { lat: 1, lon: 2, accuracy_m: 3 } })))).toEqual(['key', 'alert', 'action', 'note', 'at', 'position', 'photo']);
});

test.each([
  [{ result: 'applied' }, 'arrived'],
  [{ result: 'repeated', first: 'applied' }, 'arrived'],
  [{ result: 'repeated', first: 'refused', code: 'conflict' }, 'refused'],
  [{ result: 'refused', code: 'not_found', reason: 'gone' }, 'refused'],
  [{ result: 'postponed', code: 'unavailable' }, 'waits'],
  [{ result: 'something new' }, 'waits'],
])('an answer of %j: it %s', (result, expected) => {
  expect(fate(report(1), readResults({ results: [{ key: 'k1', ...result }] })).fate).toBe(expected);
});

test('what the server did not name waits, and a server in trouble ends nothing', () => {
  expect(fate(report(1), readResults({ results: [{ key: 'k2', result: 'applied' }] })).fate).toBe('waits');
  expect(fate(report(1), readResults('nonsense')).fate).toBe('waits');
  const passing = ['unreachable', 'unauthenticated', 'conflict', 'too_many_requests', 'internal', 'unavailable', 'cross_site'];
  expect([...passing, 'http_400', 'http_403', 'http_413', 'http_502'].filter(isFinal)).toEqual([]);
  expect(['invalid_body', 'forbidden', 'body_too_large', 'unsupported_media_type'].filter(isFinal)).toHaveLength(4);
});

test('keys are UUIDs, with and without help of the browser', () => {
  const shape = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
  expect(freshKey()).toMatch(shape);
  const own = Object.getOwnPropertyDescriptor(crypto, 'randomUUID');
  Object.defineProperty(crypto, 'randomUUID', { value: undefined, configurable: true });
  try {
    expect(freshKey()).toMatch(shape);
    expect(freshKey()).not.toBe(freshKey());
  } finally {
    if (own) Object.defineProperty(crypto, 'randomUUID', own);
    else Reflect.deleteProperty(crypto, 'randomUUID');
  }
});
