// A day of one channel, made ready for drawing: gaps as gaps, samples that may not be used apart from the others.
import type { Bucket, Channel, Sample } from '../api/wire';
import { isUsable } from '../states';
import { DAY_MS, HOUR_MS } from '../words/time';

/** What the chart offers, in hours. */
export const SPANS_H = [1, 6, 24, 168] as const;
export type SpanH = (typeof SPANS_H)[number];
export const WEEK_H = 168;

type Column = Array<number | null>;
/**
 * Columns as uPlot reads them: seconds since 1970, usable values, unusable values, the lowest and the highest of each
 * bucket. `null` breaks the line.
 */
export type Columns = [number[], Column, Column, Column, Column];

/** A time without usable values, in milliseconds. */
export type Gap = readonly [number, number];

export interface Summary {
  lowest: number;
  highest: number;
  mean: number;
  last: number;
  count: number;
  doubtful: number;
}

/** Longest time between two samples that still counts as one line: one sample may be missing, and the link's delay. */
export function gapAfterMs(channel: Pick<Channel, 'intervalMs' | 'graceMs'>): number {
  const interval = channel.intervalMs ?? 600_000;
  return 2 * interval + Math.min(channel.graceMs, interval);
}

/** Samples (oldest first) as columns. */
export function columns(samples: readonly Sample[], gapMs: number): Columns {
  const times: number[] = [];
  const good: Array<number | null> = [];
  const bad: Array<number | null> = [];
  let before: number | null = null;
  for (const { at, value, quality } of samples) {
    if (before !== null && at - before > gapMs) {
      times.push((before + 1) / 1000);
      good.push(null);
      bad.push(null);
    }
    times.push(at / 1000);
    good.push(isUsable(quality) ? value : null);
    bad.push(isUsable(quality) ? null : value);
    before = at;
  }
  const none = times.map(() => null);
  return [times, good, bad, none, none];
}

/** Buckets as columns, each at its middle. */
export function bucketColumns(buckets: readonly Bucket[]): Columns {
  return [
    buckets.map(({ at, end }) => (at + end) / 2000),
    buckets.map(({ mean }) => mean),
    buckets.map(() => null),
    buckets.map(({ min }) => min),
    buckets.map(({ max }) => max),
  ];
}

/** Where usable values are missing between the beginning of the picture and now. */
export function gaps(samples: readonly Sample[], gapMs: number, from: number, to: number): Gap[] {
  const times = samples.filter(({ quality, value }) => isUsable(quality) && value !== null).map(({ at }) => at);
  const found: Gap[] = [];
  // Before the first value nothing was known yet: that is no gap.
  let before = times[0] ?? to;
  for (const at of [...times, to]) {
    if (at - before > gapMs && at > from) found.push([Math.max(before, from), at]);
    before = at;
  }
  return found;
}

/** Hours without a usable sample in which some were expected, after the first value; neighbours joined. */
export function bucketGaps(buckets: readonly Bucket[]): Gap[] {
  const first = buckets.findIndex(({ count }) => count > 0);
  const found: Array<[number, number]> = [];
  for (const { at, end, count, expected } of first === -1 ? [] : buckets.slice(first)) {
    if (count > 0 || expected === 0) continue;
    const last = found.at(-1);
    if (last && last[1] === at) last[1] = end;
    else found.push([at, end]);
  }
  return found;
}

/** What part of the expected samples is there, of the buckets since the first value; `null` when none was expected. */
export function completeness(buckets: readonly Bucket[]): number | null {
  const first = buckets.findIndex(({ count }) => count > 0);
  if (first === -1) return null;
  let [count, expected] = [0, 0];
  for (const bucket of buckets.slice(first)) {
    count += bucket.count;
    expected += bucket.expected;
  }
  return expected === 0 ? null : Math.min(1, count / expected);
}

/** Buckets in numbers; `null` when there is no value. */
export function bucketSummary(buckets: readonly Bucket[]): Summary | null {
  const known = buckets.filter(({ mean }) => mean !== null);
  const last = known.at(-1);
  if (!last) return null;
  const count = known.reduce((sum, bucket) => sum + bucket.count, 0);
  return {
    lowest: Math.min(...known.map(({ min, mean }) => min ?? mean ?? Infinity)),
    highest: Math.max(...known.map(({ max, mean }) => max ?? mean ?? -Infinity)),
    mean: known.reduce((sum, bucket) => sum + (bucket.mean ?? 0) * bucket.count, 0) / Math.max(count, 1),
    last: last.mean ?? 0,
    count,
    doubtful: 0,
  };
}

/** The day, unless everything that is known lies in its last hours and would be a stroke at the edge. */
export function fittingSpan(samples: readonly Sample[], now: number): SpanH {
  const first = samples[0];
  if (first === undefined) return 24;
  return SPANS_H.find((hours) => hours <= 24 && first.at >= now - hours * HOUR_MS) ?? 24;
}

/** The samples of the last `spanMs`. */
export function within(samples: readonly Sample[], now: number, spanMs: number): readonly Sample[] {
  const first = samples.findIndex((sample) => sample.at >= now - spanMs);
  return first === -1 ? [] : samples.slice(first);
}

/** How much of the picture lies after a past moment that is looked at: what came of it, and mostly what led to it. */
const AFTER_SHARE = 0.25;

/** Where the picture ends while a past moment is looked at. */
export function endAround(at: number, now: number, spanMs: number): number {
  return Math.min(now, at + spanMs * AFTER_SHARE);
}

/** Samples in numbers; `null` when there is no usable value. */
export function summary(samples: readonly Sample[]): Summary | null {
  const values = samples.flatMap(({ value, quality }) => (isUsable(quality) && value !== null ? [value] : []));
  const last = values.at(-1);
  if (last === undefined) return null;
  let lowest = Infinity;
  let highest = -Infinity;
  let sum = 0;
  for (const value of values) {
    lowest = Math.min(lowest, value);
    highest = Math.max(highest, value);
    sum += value;
  }
  return { lowest, highest, mean: sum / values.length, last, count: samples.length, doubtful: samples.length - values.length };
}

/** The samples with a newer one at their end and those older than a day left out; a late one waits for the next load. */
export function extended(samples: readonly Sample[], channel: Channel, now: number): readonly Sample[] {
  const { observedAt: at, value, quality } = channel;
  const newest = samples.at(-1)?.at ?? -Infinity;
  const grown = at !== null && at > newest ? [...samples, { at, value, quality }] : samples;
  return within(grown, now, DAY_MS);
}
