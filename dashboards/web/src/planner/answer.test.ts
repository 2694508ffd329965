// What the server says, and how much of it can be relied on.
import { expect, test } from 'vitest';
import { readAnswer, type Bucket, type Series } from './answer';
import { firmness, isComparable, otherSummary, overall, summary } from './firmness';
import { dayOf, startOf } from './calendar';
import { averages, judge, limitOn, LIMITS } from './limits';

const row = (day: string, sum: number | null, completeness: number | null, rest: object = {}) => ({
  time: `${day}T00:00:00+07:00`, end: `${day}T24:00:00+07:00`, sum, count: Math.round((completeness ?? 0) * 288),
  expected: completeness === null ? 0 : 288, completeness, worst_quality: sum === null ? null : 'good', left_out: 0, partial: false, ...rest,
});
const document = (buckets: object[], rest: object = {}) => ({
  every: '1d', tz: 'Asia/Ho_Chi_Minh', from: '2026-10-01T00:00:00+07:00', to: '2026-11-01T00:00:00+07:00', functions: ['sum'], quality: 'good',
  channels: [{ channel: 'RG-01/rainfall', unit: 'mm', tier: 'day,raw', buckets, count: buckets.length }], next: null, ...rest,
});

function series(buckets: object[], rest: object = {}): Series {
  const [first] = readAnswer(document(buckets, rest)).series;
  if (!first) throw new Error('no series');
  return first;
}

test('an answer keeps values, completeness and tiers', () => {
  const read = series([row('2026-10-01', 4.2, 0.5)]);
  expect(read).toMatchObject({ key: 'RG-01/rainfall', property: 'rainfall', unit: 'mm', tiers: ['day', 'raw'] });
  expect(read.buckets[0]).toMatchObject({ values: { sum: 4.2 }, count: 144, expected: 288, completeness: 0.5, other: null });
});

test('what cannot be read is empty, not wrong', () => {
  expect(readAnswer(null).series).toEqual([]);
  expect(readAnswer({ channels: [{ channel: 'A/b', buckets: [{ time: 'never' }, 7] }] }).series[0]?.buckets).toEqual([]);
});

test('areas have names, and stations behind each value', () => {
  const answer = readAnswer({ property: 'pm2_5', functions: ['mean'], areas: [{ area: '03388', name: { vi: 'Xã', en: 'Commune' }, unit: 'ug/m3', tier: 'hour', buckets: [{ ...row('2026-10-01', null, 1), mean: 3, stations: 2, stations_expected: 3 }] }] });
  expect(answer.series[0]).toMatchObject({ key: '03388', property: 'pm2_5', name: { vi: 'Xã' } });
  expect(answer.series[0]?.buckets[0]).toMatchObject({ stations: 2, stationsExpected: 3 });
});

test.each([
  [1, false, 3, 'firm'],
  [0.75, false, 3, 'firm'],
  [0.74, false, 3, 'thin'],
  [0.74, true, 3, 'thin'],
  [1, true, 3, 'partial'],
  [0.2, false, 0, 'scant'],
  [0, false, null, 'none'],
  [null, true, null, 'ahead'],
  [null, false, 5, 'scant'],
])('completeness %s, partial %s, value %s is %s', (completeness, partial, value, expected) => {
  expect(firmness({ completeness, partial, count: 1 }, value)).toBe(expected);
});

test('completeness of a period is that of its samples, not the mean of its buckets', () => {
  expect(overall([{ completeness: 1, expected: 288 }, { completeness: 0, expected: 12 }])).toBeCloseTo(0.96);
  expect(overall([{ completeness: null, expected: 0 }])).toBeNull();
});

test('a summary adds amounts up, and counts what is weak', () => {
  const read = series([row('2026-10-01', 4, 1), row('2026-10-02', 0, 0.3), row('2026-10-03', null, 0), row('2026-10-04', 9, 1)]);
  expect(summary(read, 'sum')).toMatchObject({ whole: 13, lowest: 0, highest: 9, highestAt: startOf('2026-10-04'), buckets: { firm: 2, thin: 1, none: 1 } });
});

test('a mean of a period weighs its buckets by their samples', () => {
  const read = series([{ ...row('2026-10-01', null, 1), mean: 10, count: 300 }, { ...row('2026-10-02', null, 0.3), mean: 40, count: 100 }], { functions: ['mean'] });
  expect(summary(read, 'mean').whole).toBeCloseTo(17.5);
  expect(summary(read, 'max').whole).toBeNull();
});

test('the longer period compared with is summed whole', () => {
  const other = (day: string, sum: number) => ({ compare_time: `${day}T00:00:00+07:00`, compare_sum: sum, compare_count: 288, compare_expected: 288, compare_completeness: 1 });
  const compare = { from: '2026-01-01T00:00:00+07:00', to: '2026-01-03T00:00:00+07:00' };
  const read = series([{ ...row('2026-02-01', 1, 1), ...other('2026-01-01', 5) }, { time: null, end: null, ...other('2026-01-02', 7) }], { compare });
  expect(read.buckets).toHaveLength(1);
  const [own, compared] = [summary(read, 'sum'), otherSummary(read, 'sum')];
  expect(compared?.whole).toBe(12);
  expect(compared && isComparable(own, compared)).toBe(true);
  expect(compared && isComparable({ ...own, completeness: 0.5 }, compared)).toBe(false);
});

test('limits go by the day, and those that are recalled say so', () => {
  expect(limitOn('pm2_5', '24h', '2025-12-31')?.value).toBe(50);
  expect(limitOn('pm2_5', '24h', '2026-01-01')?.value).toBe(45);
  expect(limitOn('pm10', '24h', '2023-09-11')).toMatchObject({ value: 150, confirmed: false });
  expect(limitOn('pm10', '24h', '2023-09-12')).toMatchObject({ value: 100, confirmed: true });
  expect(limitOn('pm2_5', '1h', '2026-01-01')).toBeNull();
  expect(averages('co')).toEqual(['1h', '8h']);
});

test('no two limits of a property and average hold on one day', () => {
  for (const limit of LIMITS) {
    const same = LIMITS.filter((other) => other.property === limit.property && other.average === limit.average && other.from <= limit.from && (other.to === null || limit.from < other.to));
    expect(same).toEqual([limit]);
  }
});

test('days are judged by means of days with enough samples; the others are told apart', () => {
  const mean = (day: string, value: number | null, completeness: number, partial = false) => ({ ...row(day, null, completeness), mean: value, partial });
  const read: Series = {
    ...series([mean('2025-12-31', 48, 1), mean('2026-01-01', 48, 1), mean('2026-01-02', 60, 0.5), mean('2026-01-03', 40, 0.5), mean('2026-01-04', null, 0), mean('2026-01-05', 45, 1), mean('2026-01-06', 70, 1, true)], { functions: ['mean'] }),
    property: 'pm2_5', unit: 'ug/m3',
  };
  const judged = judge(read, '1d');
  expect(judged?.over.map(({ at }: Bucket) => dayOf(at))).toEqual(['2026-01-01']);
  expect(judged).toMatchObject({ judged: 3, unjudged: 3, unjudgedAbove: 2, empty: 1, highest: 48 });
  expect(judged?.limits.map(({ value }) => value)).toEqual([50, 45]);
  expect(judge(read, '1h')).toBeNull();
  expect(judge(read, '1w')).toBeNull();
  expect(judge({ ...read, unit: '[ppm]' }, '1d')).toBeNull();
});
