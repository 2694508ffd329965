// Which step of a scale a value is in.
import { expect, test } from 'vitest';
import { readIndices, stepOf } from './indices';

const [aqi, cbi] = readIndices({
  indices: [
    { id: 'vn_aqi', confirmed: true, scale: [{ to: 50, title: { vi: 'Tốt', en: 'Good' }, colour: '#00e400' }, { to: 100, title: { vi: 'Trung bình', en: 'Moderate' }, colour: 'url(x)' }] },
    { id: 'cbi', scale: [{ to: 50, title: { en: 'Low' }, colour: '#123456' }, { to: null, title: { en: 'High' }, colour: '#123456' }] },
    { scale: [] },
  ],
});

test('a step takes in its end, except those of cbi', () => {
  expect(stepOf(aqi, 50)?.title.en).toBe('Good');
  expect(stepOf(aqi, 50.1)?.title.en).toBe('Moderate');
  expect(stepOf(cbi, 50)?.title.en).toBe('High');
});

test('a value beyond the last end is in the last step; without a value there is none', () => {
  expect(stepOf(aqi, 999)?.title.en).toBe('Moderate');
  expect(stepOf(aqi, null)).toBeNull();
  expect(stepOf(undefined, 1)).toBeNull();
});

test('what is not a colour is none', () => {
  expect(stepOf(aqi, 99)?.colour).toBe('#808080');
});
