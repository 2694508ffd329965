// Where the slider through time stops.
import { expect, test } from 'vitest';
import { atPlace, count, ends, following, placeOf, stepped, STEPS_MIN } from './steps';

const t = (text: string): number => Date.parse(`2026-11-${text}+07:00`);
const NOW = t('21T10:17:20');

test('moments are whole steps of the clock, the newest at least a minute old', () => {
  expect(ends(NOW, 15)).toEqual({ newest: t('21T10:15:00'), oldest: t('19T10:30:00') });
  expect(ends(t('21T10:15:30'), 15).newest).toBe(t('21T10:00:00'));
  expect(ends(NOW, 60)).toEqual({ newest: t('21T10:00:00'), oldest: t('19T11:00:00') });
});

test('places and moments are the same thing', () => {
  for (const step of STEPS_MIN) {
    for (let place = -count(NOW, step); place <= 0; place += 1) expect(placeOf(atPlace(place, NOW, step), NOW, step)).toBe(place);
  }
  expect(atPlace(-1, NOW, 15)).toBe(t('21T10:15:00'));
  expect(atPlace(-9999, NOW, 15)).toBe(t('19T10:30:00'));
  expect(placeOf(t('21T10:05:00'), NOW, 15)).toBe(-2);
  expect(placeOf(t('01T00:00:00'), NOW, 15)).toBe(-count(NOW, 15));
});

test('a step leads to the next whole one, and after the newest to now', () => {
  expect(stepped(null, -1, NOW, 15)).toBe(t('21T10:15:00'));
  expect(stepped(null, 1, NOW, 15)).toBeNull();
  expect(stepped(t('21T10:15:00'), 1, NOW, 15)).toBeNull();
  expect(stepped(t('21T10:05:00'), 1, NOW, 15)).toBe(t('21T10:15:00'));
  expect(stepped(t('21T10:05:00'), -1, NOW, 15)).toBe(t('21T10:00:00'));
  expect(stepped(t('19T10:30:00'), -1, NOW, 15)).toBe(t('19T10:30:00'));
});

test('what follows ends at the newest', () => {
  expect(following(t('21T09:30:00'), NOW, 15, 9)).toEqual([t('21T09:45:00'), t('21T10:00:00'), t('21T10:15:00')]);
  expect(following(t('21T09:30:00'), NOW, 15, 2)).toHaveLength(2);
});
