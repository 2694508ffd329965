// Whoever left stays away: nothing is held, other pages know, and the session is ended as soon as that can be told.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';

const letGo = vi.fn(() => Promise.resolve());
vi.mock('../field/shelf', () => ({ shelf: { letGo } }));
const { came, finishLeaving, isLeft, leave, onLeft } = await import('./leave');

const stored = new Map<string, string>();
const methods: string[] = [];
let answer: () => Response;
beforeEach(() => {
  stored.clear();
  methods.length = 0;
  letGo.mockClear();
  stored.set('saola.field.cursor', 'AQ');
  vi.stubGlobal('localStorage', { getItem: (key: string) => stored.get(key) ?? null, setItem: (key: string, word: string) => stored.set(key, word), removeItem: (key: string) => stored.delete(key) });
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    methods.push(init.method ?? 'GET');
    return answer();
  });
});
afterEach(() => {
  came();
  vi.unstubAllGlobals();
});

test('without a network it is marked, and ended later', async () => {
  answer = () => {
    throw new TypeError('no network');
  };
  expect(await leave()).toBe(false);
  expect([isLeft(), letGo.mock.calls.length, stored.has('saola.field.cursor')]).toEqual([true, 1, false]);
  await expect(finishLeaving()).rejects.toThrow();
  expect(isLeft()).toBe(true);
  answer = () => new Response(null, { status: 401 });
  await finishLeaving();
  expect([isLeft(), stored.size, methods]).toEqual([false, 0, ['DELETE', 'DELETE', 'DELETE']]);
});

test('what needs the session comes before its end, and stops it by no fault', async () => {
  answer = () => new Response(null, { status: 204 });
  const before = vi.fn(async () => {
    expect([isLeft(), methods]).toEqual([true, []]);
    throw new Error('push');
  });
  expect(await leave(before)).toBe(true);
  expect([before.mock.calls.length, isLeft(), methods]).toEqual([1, false, ['DELETE']]);
});

test('other pages of the device are told', async () => {
  answer = () => new Response(null, { status: 204 });
  let end = (): void => undefined;
  const told = new Promise<void>((resolve) => (end = onLeft(resolve)));
  await leave();
  await told;
  end();
});

test('whoever signs in is somebody else', async () => {
  stored.set('saola.signed-out', '1');
  expect(isLeft()).toBe(true);
  came();
  expect(isLeft()).toBe(false);
});
