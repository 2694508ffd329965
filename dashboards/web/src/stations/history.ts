// A day of one channel, made ready for drawing: gaps as gaps, samples that may not be used apart from the others.
import type { Channel, Sample } from '../api/wire';
import { isUsable } from '../states';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** What the chart offers, in hours. */
export const SPANS_H = [1, 6, 24] as const;
export type SpanH = (typeof SPANS_H)[number];

/** Columns as uPlot reads them: seconds since 1970, usable values, unusable values. `null` breaks the line. */
export type Columns = [number[], Array<number | null>, Array<number | null>];

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
  return [times, good, bad];
}

/** The day, unless everything that is known lies in its last hours and would be a stroke at the edge. */
export function fittingSpan(samples: readonly Sample[], now: number): SpanH {
  const first = samples[0];
  if (first === undefined) return 24;
  return SPANS_H.find((hours) => first.at >= now - hours * HOUR_MS) ?? 24;
}

/** The samples of the last `spanMs`. */
export function within(samples: readonly Sample[], now: number, spanMs: number): readonly Sample[] {
  const first = samples.findIndex((sample) => sample.at >= now - spanMs);
  return first === -1 ? [] : samples.slice(first);
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
