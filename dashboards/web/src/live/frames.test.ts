// Frames of the past: what is kept, fetched ahead and given up.
import { expect, test } from 'vitest';
import { AHEAD_MAX, Frames } from './frames';

/** A server whose answers come when the test says so. */
function stage() {
  const asked: number[] = [];
  const open = new Map<number, { answer: () => void; fail: () => void; signal: AbortSignal }>();
  let now = 0;
  const frames = new Frames<string>(
    (at, signal) => {
      asked.push(at);
      return new Promise((resolve, reject) => {
        open.set(at, { answer: () => resolve(`frame ${at}`), fail: () => reject(new Error('no')), signal });
        signal.addEventListener('abort', () => reject(new Error('given up')));
      });
    },
    () => now,
  );
  const settle = async (): Promise<void> => {
    for (let turn = 0; turn < 8; turn += 1) await Promise.resolve();
  };
  return {
    frames, asked,
    signal: (at: number) => open.get(at)?.signal,
    answer: async (at: number) => {
      open.get(at)?.answer();
      await settle();
    },
    fail: async (at: number) => {
      open.get(at)?.fail();
      await settle();
    },
    later: (ms: number) => (now += ms),
  };
}

test('a frame is asked for once and kept for a while', async () => {
  const { frames, asked, answer, later } = stage();
  const both = [frames.want(1), frames.want(1)];
  await answer(1);
  expect(await Promise.all(both)).toEqual(['frame 1', 'frame 1']);
  await frames.want(1);
  expect(asked).toEqual([1]);
  later(61_000);
  void frames.want(1);
  expect(asked).toEqual([1, 1]);
});

test('what follows is fetched one after the other, and not without end', async () => {
  const { frames, asked, answer } = stage();
  void frames.want(1, [2, 3, 4, 5, 6]);
  expect(asked).toEqual([1]);
  for (const at of [1, 2, 3, 4, 5]) await answer(at);
  expect(asked).toEqual([1, 2, 3, 4].slice(0, 1 + AHEAD_MAX));
});

test('what is no longer wanted is given up, what is wanted goes on', async () => {
  const { frames, signal, answer } = stage();
  const first = frames.want(1, [2]);
  first.catch(() => undefined);
  void frames.want(9);
  expect(signal(1)?.aborted).toBe(true);
  await expect(first).rejects.toThrow('given up');
  expect(signal(9)?.aborted).toBe(false);
  await answer(9);
  void frames.want(10, [11]);
  await answer(10);
  const eleven = frames.want(11);
  expect(signal(11)?.aborted).toBe(false);
  await answer(11);
  expect(await eleven).toBe('frame 11');
});

test('one that was given up and is wanted again is asked for anew', async () => {
  const { frames, asked, answer } = stage();
  frames.want(1).catch(() => undefined);
  frames.rest();
  const again = frames.want(1);
  await answer(1);
  expect(await again).toBe('frame 1');
  expect(asked).toEqual([1, 1]);
});

test('a failure is told to whoever wants it, and fetching ahead ends there', async () => {
  const { frames, asked, answer, fail } = stage();
  void frames.want(1, [2, 3]);
  await answer(1);
  await fail(2);
  expect(asked).toEqual([1, 2]);
  const wanted = frames.want(2);
  wanted.catch(() => undefined);
  await fail(2);
  await expect(wanted).rejects.toThrow('no');
});

test('the longest unused goes first', async () => {
  const { frames, asked, answer } = stage();
  for (let at = 0; at < 24; at += 1) {
    void frames.want(at);
    await answer(at);
  }
  await frames.want(0);
  void frames.want(24);
  await answer(24);
  await frames.want(0);
  expect(asked.filter((at) => at === 0)).toHaveLength(1);
  void frames.want(1);
  expect(asked.filter((at) => at === 1)).toHaveLength(2);
});
