// How coarsely a map is drawn by how its frames come.
import { beforeEach, expect, test } from 'vitest';
import { Pace } from './pace';

let now = 0;
beforeEach(() => (now = 0));

function frame(pace: Pace, gapMs: number): boolean {
  now += gapMs;
  return pace.frame(gapMs, now);
}

/** A machine whose frames cost so much for all pixels of the screen, and this for anything. */
function draw(pace: Pace, frames: number, costMs: number, screenMs = 1000 / 60): number {
  let changes = 0;
  for (let one = 0; one < frames; one += 1) {
    const cost = 3 + costMs * pace.share ** 2;
    if (frame(pace, Math.ceil(cost / screenMs) * screenMs)) changes += 1;
  }
  return changes;
}

test('a machine that draws in time draws sharply', () => {
  const pace = new Pace();
  expect(draw(pace, 1000, 10)).toBe(0);
  expect(pace.share).toBe(1);
});

test('a screen of 30 pictures a second is not slow', () => {
  const pace = new Pace();
  expect(draw(pace, 1000, 10, 1000 / 30)).toBe(0);
  expect(pace.share).toBe(1);
});

test('one late frame changes nothing', () => {
  const pace = new Pace();
  for (let turn = 0; turn < 50; turn += 1) {
    expect(frame(pace, 400)).toBe(false);
    expect(frame(pace, 16)).toBe(false);
  }
  expect(pace.share).toBe(1);
});

test('late frames are answered within three of them, and then frames are in time', () => {
  const pace = new Pace();
  expect(draw(pace, 3, 250)).toBe(1);
  expect(3 + 250 * pace.share ** 2).toBeLessThan(40);
});

test('the next movement is drawn as the last one ended', () => {
  const pace = new Pace();
  draw(pace, 3, 250);
  const { share } = pace;
  pace.begin(now);
  expect(pace.share).toBe(share);
});

test('a movement of two late frames is remembered for the next one, not for one of tomorrow', () => {
  const [soon, tomorrow] = [new Pace(), new Pace()];
  for (const pace of [soon, tomorrow]) draw(pace, 2, 250);
  soon.begin(now + 500);
  tomorrow.begin(now + 24 * 3_600_000);
  now += 24 * 3_600_000;
  for (const pace of [soon, tomorrow]) draw(pace, 2, 250);
  expect(soon.share).toBeLessThan(1);
  expect(tomorrow.share).toBe(1);
});

test('a page that was hidden was not slow', () => {
  const pace = new Pace();
  for (let turn = 0; turn < 5; turn += 1) frame(pace, 60_000);
  expect(pace.share).toBe(1);
});

test('a machine that has time again draws sharply again', () => {
  const pace = new Pace();
  draw(pace, 20, 900);
  expect(pace.share).toBeLessThan(0.3);
  draw(pace, 400, 10);
  expect(pace.share).toBe(1);
});

test('however often it was slow before', () => {
  const pace = new Pace();
  for (let spell = 0; spell < 30; spell += 1) {
    draw(pace, 20, 900);
    expect(pace.share).toBeLessThan(0.3);
    draw(pace, 6 * 640, 10);
    expect(pace.share).toBe(1);
  }
  draw(pace, 20, 900);
  // Every step is tried after the first number of frames again.
  draw(pace, 6 * 42, 10);
  expect(pace.share).toBe(1);
});

test('what was tried in vain is tried less and less often', () => {
  const pace = new Pace();
  draw(pace, 10, 250);
  const [early, late] = [draw(pace, 1000, 250), draw(pace, 1000, 250)];
  expect(early).toBeGreaterThan(0);
  expect(late).toBeLessThan(early);
});

test('whatever it costs, there is a coarsest map', () => {
  const pace = new Pace();
  draw(pace, 100, 4_000);
  expect(pace.share).toBe(0.18);
});
