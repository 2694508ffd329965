// How much a bucket's value can carry. What is thin must never be drawn like what is whole.
import type { Bucket, Other, Series } from './answer';
import { isAdded, type Fn } from './functions';

/**
 * firm: enough samples, the bucket is over. partial: enough so far, but cut by the period's ends or not over yet.
 * thin: less than ENOUGH. scant: less than HARDLY. none: samples were expected and there is no value. ahead: nothing is
 * expected (it lies in the future, or the channel was not declared yet).
 */
export const FIRMNESSES = ['firm', 'partial', 'thin', 'scant', 'none', 'ahead'] as const;
export type Firmness = (typeof FIRMNESSES)[number];

/** Custom, in no legal text that could be confirmed; the same share as `completeness` in config/indices.toml. */
export const ENOUGH = 0.75;
/** Ours: below it a value is shown as an outline only. */
export const HARDLY = 0.25;

export function firmness(bucket: Pick<Bucket, 'completeness' | 'partial' | 'count'>, value: number | null): Firmness {
  if (value === null) return bucket.completeness === null ? 'ahead' : 'none';
  // Nothing was expected and something came: how much of the truth it is cannot be said.
  if (bucket.completeness === null) return 'scant';
  if (bucket.completeness < HARDLY) return 'scant';
  if (bucket.completeness < ENOUGH) return 'thin';
  return bucket.partial ? 'partial' : 'firm';
}

export const otherFirmness = (other: Other, value: number | null): Firmness => firmness({ ...other, partial: false }, value);

interface Share {
  completeness: number | null;
  expected: number;
}

/** The part of all expected samples that counts; `null` when none was expected. */
export function overall(rows: readonly Share[]): number | null {
  let [have, expected] = [0, 0];
  for (const row of rows) {
    have += (row.completeness ?? 0) * row.expected;
    expected += row.expected;
  }
  return expected === 0 ? null : have / expected;
}

export interface Summary {
  /** Of the period: added up, or the mean of all samples; `null` where the function has none that could be made from buckets. */
  whole: number | null;
  lowest: number | null;
  highest: number | null;
  highestAt: number | null;
  completeness: number | null;
  /** Buckets by how much they carry. */
  buckets: Readonly<Record<Firmness, number>>;
  leftOut: number;
}

interface Row {
  value: number | null;
  at: number;
  count: number;
  firmness: Firmness;
}

function summed(rows: readonly Row[], fn: Fn, isArea: boolean): Omit<Summary, 'completeness' | 'leftOut'> {
  const buckets: Record<Firmness, number> = { firm: 0, partial: 0, thin: 0, scant: 0, none: 0, ahead: 0 };
  let [total, weight] = [0, 0];
  let lowest: number | null = null;
  let highest: number | null = null;
  let highestAt: number | null = null;
  for (const row of rows) {
    buckets[row.firmness] += 1;
    if (row.value === null) continue;
    // A station that reports more often weighs no more in an area: its buckets are of one weight.
    const share = isAdded(fn) || isArea ? 1 : row.count;
    total += row.value * share;
    weight += share;
    if (lowest === null || row.value < lowest) lowest = row.value;
    if (highest === null || row.value > highest) [highest, highestAt] = [row.value, row.at];
  }
  const hasWhole = weight > 0 && (isAdded(fn) || (fn === 'mean' && !isArea));
  const whole = hasWhole ? (isAdded(fn) ? total : total / weight) : null;
  return { whole, lowest, highest, highestAt, buckets };
}

const isArea = (series: Series): boolean => series.buckets.some(({ stations }) => stations !== null);

export function summary(series: Series, fn: Fn): Summary {
  const rows = series.buckets.map((bucket) => {
    const value = bucket.values[fn] ?? null;
    return { value, at: bucket.at, count: bucket.count, firmness: firmness(bucket, value) };
  });
  const leftOut = series.buckets.reduce((sum, bucket) => sum + bucket.leftOut, 0);
  return { ...summed(rows, fn, isArea(series)), completeness: overall(series.buckets), leftOut };
}

/** The same of the period compared with; `null` without one. */
export function otherSummary(series: Series, fn: Fn): Summary | null {
  const others = [...series.buckets.map(({ other }) => other).filter((other) => other !== null), ...series.surplus];
  if (others.length === 0) return null;
  const rows = others.map((other) => {
    const value = other.values[fn] ?? null;
    return { value, at: other.at, count: other.count, firmness: otherFirmness(other, value) };
  });
  return { ...summed(rows, fn, false), completeness: overall(others), leftOut: 0 };
}

/** Whether both periods carry enough for a difference that may be signed. */
export function isComparable(own: Summary, other: Summary): boolean {
  return [own, other].every(({ completeness }) => completeness !== null && completeness >= ENOUGH);
}
