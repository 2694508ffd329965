// The early question is the one that the page would ask, and its answer is used once.
import { afterEach, expect, test, vi } from 'vitest';
import script from '../../public/field-early.js?raw';
import { early, EARLY_MS, FIRST_BYTES, syncPath } from './early';

const world = globalThis as { saolaEarly?: { path: string; answer: Promise<unknown> } };
afterEach(() => delete world.saolaEarly);

function run(kept: Record<string, string>): string {
  const stores = { getItem: (key: string) => kept[key] ?? null };
  new Function('localStorage', 'fetch', script)(stores, () => Promise.resolve(new Response('{"cursor":"AQ"}')));
  return world.saolaEarly?.path ?? '';
}

test('it asks just what the page asks', () => {
  expect(run({})).toBe(syncPath(FIRST_BYTES, 'vi', null));
  expect(run({ 'saola.language': 'en', 'saola.field.cursor': 'AQ_-x' })).toBe(syncPath(FIRST_BYTES, 'en', 'AQ_-x'));
});

test('its answer is used once, and only for the same question', async () => {
  const path = run({});
  expect(await early(path)).toEqual({ cursor: 'AQ' });
  expect(await early(path)).toBeNull();
  run({});
  expect(await early(`${path}&cursor=x`)).toBeNull();
  for (const bad of [null, new Response('{}', { status: 401 }), new Response('not JSON')]) {
    world.saolaEarly = { path, answer: Promise.resolve(bad) };
    expect(await early(path)).toBeNull();
  }
});

test('one that never comes keeps the page waiting for a while only', async () => {
  vi.useFakeTimers();
  try {
    const path = syncPath(FIRST_BYTES, 'vi', null);
    const never = new Promise<never>(() => undefined);
    for (const answer of [never, Promise.resolve({ ok: true, json: () => never })]) {
      world.saolaEarly = { path, answer };
      const asked = early(path);
      await vi.advanceTimersByTimeAsync(EARLY_MS);
      expect(await asked).toBeNull();
    }
  } finally {
    vi.useRealTimers();
  }
});

test('nothing is asked while a session is to end', () => {
  expect(run({ 'saola.signed-out': '1' })).toBe('');
});
