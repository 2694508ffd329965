// What is drawn: gaps stay gaps, and what is thin has a path of its own.
import { expect, test } from 'vitest';
import type { Bucket, Series } from './answer';
import { bucketAt, draw, extent, niceScale, strip, valueTicks, type Frame } from './chart';

const FRAME: Frame = { left: 0, top: 0, width: 100, height: 100, from: 0, to: 100, low: 0, high: 10 };

function bucket(at: number, value: number | null, completeness: number | null = 1, rest: Partial<Bucket> = {}): Bucket {
  return { at, end: at + 10, values: { mean: value, sum: value }, count: 1, expected: 1, completeness, worst: null, leftOut: 0, partial: false, stations: null, stationsExpected: null, other: null, ...rest };
}
const of = (...buckets: Bucket[]): Series => ({ key: 'A/b', name: null, property: 'b', unit: 'm', tiers: [], keptSince: null, buckets, surplus: [] });

test('a line breaks where nothing is known', () => {
  const drawn = draw(FRAME, of(bucket(0, 1), bucket(10, 2), bucket(20, null, 0), bucket(30, 4), bucket(40, 5)), 'mean', 0, 1);
  expect(drawn.bodies.firm).toBe('M5.0 90.0L15.0 80.0M35.0 60.0L45.0 50.0');
  expect(drawn.holes).toEqual([{ x: 20, width: 10 }]);
});

test('a line is as weak as the weaker of its ends', () => {
  const { bodies, marks } = draw(FRAME, of(bucket(0, 1), bucket(10, 2, 0.5), bucket(20, 3, 0.1), bucket(30, 4, 1, { partial: true }), bucket(40, 4)), 'mean', 0, 1);
  expect([bodies.thin, bodies.scant, bodies.partial, bodies.firm].map((path) => path.split('M').length - 1)).toEqual([1, 2, 1, 0]);
  expect(marks.thin).not.toBe('');
});

test('bars of zero are seen, and differ from nothing', () => {
  const { bodies, holes } = draw(FRAME, of(bucket(0, 0), bucket(10, null, 0), bucket(20, null, null)), 'sum', 0, 1);
  expect(bodies.firm).toContain('V98.8');
  expect(holes).toHaveLength(1);
});

test('thin bars carry a sign', () => {
  const { bodies, doubts } = draw(FRAME, of(bucket(0, 5, 0.5), bucket(10, 5)), 'sum', 0, 1);
  expect(bodies.thin).not.toBe('');
  expect(doubts).toHaveLength(1);
});

test('the period compared with is weak where it is thin itself', () => {
  const other = (completeness: number) => ({ other: { at: 0, values: { mean: 3, sum: 3 }, count: 1, expected: 1, completeness } });
  const of3 = of(bucket(0, 1, 1, other(1)), bucket(10, 1, 1, other(1)), bucket(20, 1, 1, other(0.3)));
  for (const fn of ['mean', 'sum'] as const) {
    const drawn = draw(FRAME, of3, fn, 0, 1);
    expect([drawn.other, drawn.otherWeak].map((path) => path !== '')).toEqual([true, true]);
  }
});

test('a lonely bucket among very many is marked', () => {
  const many = Array.from({ length: 300 }, (_, place) => (place === 5 ? bucket(50, 1) : bucket(place * 10, null, 0)));
  expect(draw({ ...FRAME, to: 3000 }, of(...many), 'mean', 0, 1).marks.firm).not.toBe('');
});

test('where buckets share a pixel, neither peaks nor gaps are lost', () => {
  const narrow = { ...FRAME, width: 10, to: 3000 };
  const many = of(...Array.from({ length: 300 }, (_, place) => (place === 150 ? bucket(1500, null, 0) : bucket(place * 10, place === 151 ? 9 : 1, place === 152 ? 0.5 : 1))));
  const { bodies } = draw(narrow, many, 'sum', 0, 1);
  expect(bodies.firm.split('M').length - 1).toBe(10);
  expect(bodies.firm).toContain('V10.0');
  expect(bodies.thin).not.toBe('');
  expect(strip(narrow, many, 0, 10).missing.split('M').length - 1).toBe(1);
});

test('the strip is as high as the samples that came', () => {
  const drawn = strip(FRAME, of(bucket(0, 1, 0.5), bucket(10, null, 0), bucket(20, null, null)), 100, 12);
  expect(drawn.have).toContain('v-6.0');
  expect(drawn.missing.split('M').length - 1).toBe(1);
});

test('axes end at round numbers', () => {
  expect(valueTicks(niceScale(0, 48.6, 5))).toEqual([0, 10, 20, 30, 40, 50]);
  expect(valueTicks(niceScale(-3, 7, 5))).toEqual([-4, -2, 0, 2, 4, 6, 8]);
  const flat = niceScale(0, 0, 5);
  expect(flat.high).toBeGreaterThan(flat.low);
  expect(extent([of()], 'mean', [])).toEqual([0, 1]);
  expect(extent([of(bucket(0, 5))], 'sum', [8])).toEqual([0, 8]);
});

test('a place in the picture is a bucket', () => {
  const { buckets } = of(bucket(0, 1), bucket(10, 2));
  expect([bucketAt(FRAME, buckets, 3), bucketAt(FRAME, buckets, 10), bucketAt(FRAME, buckets, 99)]).toEqual([0, 1, null]);
});
