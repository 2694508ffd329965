// Legal limits of the ambient air, with the days on which each was in force, and the buckets that exceed them.
//
// CONFIRMED false MEANS: recalled, not read in a source; the page marks what was judged by it, and it must be replaced by
// the text in force before anybody signs a report with it. A limit is of a mean over its own length of time: hours are
// judged by means of hours, days by means of days, years by means of years, and by nothing else.
import type { Bucket, Series } from './answer';
import { dayOf, type Day } from './calendar';
import { ENOUGH } from './firmness';

export type Average = '1h' | '8h' | '24h' | '1y';

export interface LegalLimit {
  property: string;
  average: Average;
  /** µg/Nm³: at 25 °C and 760 mmHg. */
  value: number;
  /** The first day on which it is in force. */
  from: Day;
  /** The first day on which it is not any more; `null`: still in force. */
  to: Day | null;
  act: string;
  confirmed: boolean;
}

export const ACT_2023 = 'QCVN 05:2023/BTNMT';
export const ACT_2013 = 'QCVN 05:2013/BTNMT';
/** Day on which QCVN 05:2023/BTNMT came into force (Circular 01/2023/TT-BTNMT). */
const SINCE: Day = '2023-09-12';
const BEFORE: Day = '2014-01-01';

type Row = readonly [property: string, average: Average, value: number];

const ROWS_2023: readonly Row[] = [
  ['so2', '1h', 350], ['so2', '24h', 125], ['so2', '1y', 50],
  ['co', '1h', 30_000], ['co', '8h', 10_000],
  ['no2', '1h', 200], ['no2', '24h', 100], ['no2', '1y', 40],
  ['o3', '1h', 200], ['o3', '8h', 120],
  ['pm10', '24h', 100], ['pm10', '1y', 50],
  ['pm2_5', '1y', 25],
];
/** Recalled. */
const ROWS_2013: readonly Row[] = [
  ['so2', '1h', 350], ['so2', '24h', 125], ['so2', '1y', 50],
  ['co', '1h', 30_000], ['co', '8h', 10_000],
  ['no2', '1h', 200], ['no2', '24h', 100], ['no2', '1y', 40],
  ['o3', '1h', 200], ['o3', '8h', 120],
  ['pm10', '24h', 150], ['pm10', '1y', 50],
  ['pm2_5', '24h', 50], ['pm2_5', '1y', 25],
];

const rows = (table: readonly Row[], rest: Omit<LegalLimit, 'property' | 'average' | 'value'>): LegalLimit[] =>
  table.map(([property, average, value]) => ({ property, average, value, ...rest }));

export const LIMITS: readonly LegalLimit[] = [
  ...rows(ROWS_2023, { from: SINCE, to: null, act: ACT_2023, confirmed: true }),
  // The one limit that the regulation itself tightens at a later day.
  { property: 'pm2_5', average: '24h', value: 50, from: SINCE, to: '2026-01-01', act: ACT_2023, confirmed: true },
  { property: 'pm2_5', average: '24h', value: 45, from: '2026-01-01', to: null, act: ACT_2023, confirmed: true },
  ...rows(ROWS_2013, { from: BEFORE, to: SINCE, act: ACT_2013, confirmed: false }),
];

/** The unit in which the limits stand; a channel in another one is not judged. */
export const LIMIT_UNIT = 'ug/m3';

const AVERAGE_OF: Readonly<Record<string, Average>> = { '1h': '1h', '1d': '24h', '1y': '1y' };

/** The average that buckets of a length are; `null` when no limit is of such buckets. */
export const averageOf = (every: string): Average | null => AVERAGE_OF[every] ?? null;

export const hasLimits = (property: string): boolean => LIMITS.some((limit) => limit.property === property);

/** The limits of a property, for telling which buckets to ask for. */
export const averages = (property: string): Average[] =>
  (['1h', '8h', '24h', '1y'] as const).filter((average) => LIMITS.some((limit) => limit.property === property && limit.average === average));

export function limitOn(property: string, average: Average, day: Day): LegalLimit | null {
  return LIMITS.find((limit) => limit.property === property && limit.average === average && limit.from <= day && (limit.to === null || day < limit.to)) ?? null;
}

/** The limits of a property that were in force at some time of a period, oldest first. */
export function limitsWithin(property: string, average: Average, from: number, to: number): LegalLimit[] {
  const [first, last] = [dayOf(from), dayOf(to - 1)];
  return LIMITS.filter((limit) => limit.property === property && limit.average === average && limit.from <= last && (limit.to === null || first < limit.to)).sort((a, b) => a.from.localeCompare(b.from));
}

export interface Judgement {
  series: Series;
  limits: readonly LegalLimit[];
  /** Buckets with enough samples, which were compared. */
  judged: number;
  over: readonly Bucket[];
  /** Buckets with a value of too few samples, or cut: neither kept nor exceeded. */
  unjudged: number;
  /** Among those the ones whose value lies above all the same. */
  unjudgedAbove: number;
  /** Buckets without any value. */
  empty: number;
  /** Highest mean of a judged bucket. */
  highest: number | null;
}

/** The limits that buckets of this length are judged by, oldest first; empty when none is of them. */
export function limitsOf(series: Series, every: string): LegalLimit[] {
  const average = averageOf(every);
  const first = series.buckets[0];
  const last = series.buckets.at(-1);
  if (average === null || series.unit !== LIMIT_UNIT || !first || !last) return [];
  return limitsWithin(series.property, average, first.at, last.end);
}

/** Means of buckets against the limit of each bucket's own day; `null` when no limit is of this. */
export function judge(series: Series, every: string): Judgement | null {
  const average = averageOf(every);
  const limits = limitsOf(series, every);
  if (average === null || limits.length === 0) return null;
  const over: Bucket[] = [];
  let [judged, unjudged, unjudgedAbove, empty] = [0, 0, 0, 0];
  let highest: number | null = null;
  for (const bucket of series.buckets) {
    const mean = bucket.values.mean ?? null;
    const limit = limitOn(series.property, average, dayOf(bucket.at));
    if (mean === null || limit === null) {
      empty += bucket.expected > 0 ? 1 : 0;
    } else if (bucket.partial || bucket.completeness === null || bucket.completeness < ENOUGH) {
      unjudged += 1;
      unjudgedAbove += mean > limit.value ? 1 : 0;
    } else {
      judged += 1;
      highest = Math.max(highest ?? mean, mean);
      if (mean > limit.value) over.push(bucket);
    }
  }
  return { series, limits, judged, over, unjudged, unjudgedAbove, empty, highest };
}
