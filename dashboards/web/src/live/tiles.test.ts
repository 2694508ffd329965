// Waiting for tiles of a moment.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { tiles } from './tiles.svelte';

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('document', { hidden: false });
  tiles.map(true);
});
afterEach(() => {
  tiles.rest();
  tiles.map(false);
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test('without a map nothing is waited for', async () => {
  tiles.map(false);
  await tiles.load(1);
  expect(tiles.ahead).toBeNull();
});

test('tiles that are in are wanted until the moment is shown', async () => {
  const loaded = tiles.load(1);
  tiles.arrived();
  await loaded;
  expect(tiles.ahead).toBe(1);
  tiles.rest();
  expect(tiles.ahead).toBeNull();
});

test('a newer wish gives up the one before', async () => {
  const first = tiles.load(1);
  const second = tiles.load(2);
  await expect(first).rejects.toMatchObject({ code: 'given_up' });
  tiles.arrived();
  await second;
  expect(tiles.ahead).toBe(2);
});

test('what does not come is a failure, but not on a page that nobody sees', async () => {
  vi.stubGlobal('document', { hidden: true });
  const loaded = tiles.load(1);
  const ended = vi.fn();
  loaded.catch(ended);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(ended).not.toHaveBeenCalled();
  vi.stubGlobal('document', { hidden: false });
  await vi.advanceTimersByTimeAsync(20_000);
  await expect(loaded).rejects.toThrow('20 s');
});

test('a map that goes keeps nobody waiting', async () => {
  const loaded = tiles.load(1);
  tiles.map(false);
  await loaded;
});
