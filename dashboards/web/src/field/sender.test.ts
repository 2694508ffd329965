// What is sent is marked first: a lost answer may have been a yes, and nobody may be told that it was taken back.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Waiting } from './reports';

const kept = new Map<number, Waiting>();
vi.mock('./shelf', () => ({
  shelf: {
    queue: () => Promise.resolve([...kept.values()].sort((a, b) => a.place - b.place)),
    put: (report: Waiting) => Promise.resolve(void kept.set(report.place, report)),
    remove: (place: number) => Promise.resolve(void kept.delete(place)),
  },
}));
const { drain } = await import('./sender');

const report = (place: number, more: Partial<Waiting> = {}): Waiting => ({
  place, key: `k${place}`, account: 'lan', alert: 'a', title: 'Khói', action: 'acknowledged', note: '', at: 0, position: null, photo: null, refused: null, ...more,
});
const answers = (answer: () => Response | Promise<Response>): void => void vi.stubGlobal('fetch', vi.fn(async () => answer()));

beforeEach(() => {
  kept.clear();
  for (const one of [report(1), report(2, { account: 'binh' })]) kept.set(one.place, one);
});
afterEach(() => void vi.unstubAllGlobals());

test('it is marked as tried before it goes, and only what goes', async () => {
  const told: (boolean | undefined)[] = [];
  answers(() => {
    expect(kept.get(1)?.tried).toBe(true);
    throw new TypeError('the answer was lost');
  });
  await expect(drain('lan', (queue) => told.push(queue.find(({ place }) => place === 1)?.tried))).rejects.toThrow();
  expect(told.at(-1)).toBe(true);
  expect([kept.get(1)?.refused, kept.get(2)?.tried]).toEqual([null, undefined]);
});

test.each([
  [500, { code: 'internal' }, 'throws'],
  [403, { code: 'cross_site' }, 'throws'],
  [413, null, 'throws'],
  [403, { code: 'forbidden', detail: 'no' }, 'refused'],
])('%i %j: %s', async (status, problem, expected) => {
  answers(() => new Response(problem ? JSON.stringify(problem) : '<html>', { status }));
  const end = await drain('lan', () => undefined).then(() => (kept.get(1)?.refused ? 'refused' : 'kept'), () => 'throws');
  expect(end).toBe(expected);
  expect(kept.get(1)?.refused?.code).toBe(expected === 'refused' ? 'forbidden' : undefined);
});
