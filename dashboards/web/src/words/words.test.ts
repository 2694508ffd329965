// Ages, numbers and names as people read them.
import { expect, test } from 'vitest';
import { matches, plain } from '../stations/search';
import { en } from './en';
import { leadingProperty, quantity } from './properties';
import { ago, clockTime, moment, shortDate, span } from './time';
import { vi } from './vi';

test.each([
  [400, 'vừa xong', 'just now'],
  [12_400, '12 giây trước', '12 s ago'],
  [99_999, '99 giây trước', '99 s ago'],
  [100_000, '1 phút trước', '1 min ago'],
  [5_999_000, '99 phút trước', '99 min ago'],
  [7_200_000, '2 giờ trước', '2 h ago'],
  [3 * 86_400_000, '3 ngày trước', '3 days ago'],
  [-60_000, 'ở tương lai', 'in the future'],
])('an age of %i ms is rounded down', (ms, vietnamese, english) => {
  expect(ago(ms, vi)).toBe(vietnamese);
  expect(ago(ms, en)).toBe(english);
});

test('a length of time', () => {
  expect(span(9_000_000, vi)).toBe('2 giờ 30 phút');
  expect(span(-1, en)).toBe('0 s');
});

test('clock times are those of Viet Nam', () => {
  const at = Date.parse('2026-11-21T18:05:09Z');
  expect(clockTime(at, 'vi')).toBe('01:05:09');
  expect(shortDate(at, 'vi')).toBe('22/11');
  expect(moment(at, at + 60_000, 'en')).toBe('01:05');
  expect(moment(at, at + 86_400_000, 'en')).toBe('22/11 01:05');
});

test('values carry units as people write them', () => {
  expect(quantity(41.23, 'pm2_5', 'ug/m3', 'vi')).toBe('41,2\u00a0µg/m³');
  expect(quantity(20, 'air_temperature', 'Cel', 'en')).toBe('20.0\u00a0°C');
  expect(quantity(0.9, 'smoke', '1', 'vi')).toBe('0,90');
  expect(quantity(45, 'relative_humidity', '%', 'vi')).toBe('45%');
  expect(quantity(null, 'pm2_5', 'ug/m3', 'vi')).toBe('–');
  expect(quantity(1.5, 'new_thing', 'furlong', 'en')).toBe('1.5\u00a0furlong');
});

test('stations are found without diacritics, in any order of words', () => {
  expect(plain('Đoàn Kết')).toBe('doan ket');
  expect(matches('ket doan', ['AQ-01', 'Không khí, phường Đoàn Kết'])).toBe(true);
  expect(matches('muong te', ['Đoàn Kết'])).toBe(false);
});

test('the property that speaks for a station', () => {
  expect(leadingProperty(['relative_humidity', 'pm2_5'])).toBe('pm2_5');
  expect(leadingProperty(['odd'])).toBe('odd');
  expect(leadingProperty([])).toBeUndefined();
});
