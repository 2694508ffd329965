// How coarsely a map is drawn by how its frames come.
import { expect, test } from 'vitest';
import { Pace } from './pace';

/** A machine whose frames cost so much for all pixels of the screen, and this for anything. */
function draw(pace: Pace, frames: number, costMs: number, screenMs = 1000 / 60): number {
  let changes = 0;
  for (let frame = 0; frame < frames; frame += 1) {
    const cost = 3 + costMs * pace.share ** 2;
    if (pace.frame(Math.ceil(cost / screenMs) * screenMs)) changes += 1;
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
    expect(pace.frame(400)).toBe(false);
    expect(pace.frame(16)).toBe(false);
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
  pace.begin();
  expect(pace.share).toBe(share);
});

test('a machine that has time again draws sharply again', () => {
  const pace = new Pace();
  draw(pace, 20, 900);
  expect(pace.share).toBeLessThan(0.3);
  draw(pace, 400, 10);
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
  draw(pace, 100, 100_000);
  expect(pace.share).toBe(0.18);
});
