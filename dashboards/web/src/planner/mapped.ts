// A period on the map: one value of each station and of each commune with several, and how much it can carry.
import type { Station } from '../api/wire';
import type { Words } from '../states';
import type { Answer, Series } from './answer';
import { startOf, type Period } from './calendar';
import { firmness, summary, type Firmness } from './firmness';
import { isAdded, isLowerBound, type Fn } from './functions';

export interface Mapped {
  /** A station's, or an area's code. */
  id: string;
  name: Partial<Words>;
  areaName: Partial<Words>;
  value: number | null;
  firmness: Firmness;
  /** Samples that are missing can only have made it smaller. */
  atLeast: boolean;
  completeness: number | null;
  count: number;
  expected: number;
}

export interface Point extends Mapped {
  /** STATION/PROPERTY. */
  channel: string;
  lon: number;
  lat: number;
}

export interface Commune extends Mapped {
  /** Stations with a value, and those that should have one. */
  stations: number;
  stationsExpected: number;
}

/** One value for the whole period; the question has one bucket but where two centuries meet. */
function whole(series: Series, fn: Fn): number | null {
  const [only, another] = series.buckets;
  if (!another) return only?.values[fn] ?? null;
  const { whole, highest, lowest } = summary(series, fn);
  return fn === 'max' ? highest : fn === 'min' ? lowest : whole;
}

function judged(series: Series, fn: Fn, property: string, value: number | null, isOver: boolean): Pick<Mapped, 'value' | 'firmness' | 'atLeast' | 'completeness' | 'count' | 'expected'> {
  const { completeness } = summary(series, fn);
  const [count, expected] = (['count', 'expected'] as const).map((name) => series.buckets.reduce((sum, bucket) => sum + bucket[name], 0));
  return {
    value,
    // The bucket is longer than any period: it is not whole only where the period is not over.
    firmness: firmness({ completeness, partial: !isOver, count: count ?? 0 }, value),
    atLeast: value !== null && (completeness ?? 0) < 1 && isLowerBound(fn, property),
    completeness,
    count: count ?? 0,
    expected: expected ?? 0,
  };
}

const isOver = (period: Period, now: number): boolean => startOf(period.to) <= now;

export function pointsOf(answer: Answer, stations: readonly Station[], fn: Fn, period: Period, now: number): Point[] {
  const known = new Map(stations.map((station) => [station.id, station]));
  return answer.series.flatMap((series) => {
    const station = known.get(series.key.slice(0, series.key.lastIndexOf('/')));
    if (!station) return [];
    const { id, name, areaName, lon, lat } = station;
    return [{ id, name, areaName, channel: series.key, lon, lat, ...judged(series, fn, series.property, whole(series, fn), isOver(period, now)) }];
  });
}

/** Communes with several stations: their mean, or the lowest or highest of them. Amounts are a mean too, not added up. */
export function communesOf(answer: Answer, fn: Fn, period: Period, now: number): Commune[] {
  return answer.series.flatMap((series) => {
    const [bucket] = series.buckets;
    const [stations, stationsExpected] = [bucket?.stations ?? 0, bucket?.stationsExpected ?? 0];
    if (Math.max(stations, stationsExpected) < 2) return [];
    const value = whole(series, fn);
    const mean = value !== null && isAdded(fn) ? (stations > 0 ? value / stations : null) : value;
    const own = judged(series, fn, series.property, mean, isOver(period, now));
    const spoke = stationsExpected > 0 ? Math.min(1, stations / stationsExpected) : 1;
    const share = own.completeness === null ? null : Math.min(own.completeness, spoke);
    return [{
      ...own, id: series.key, name: series.name ?? {}, areaName: {}, stations, stationsExpected,
      // Half of the stations are half of the commune, however often they report.
      firmness: firmness({ completeness: share, partial: !isOver(period, now), count: own.count }, mean),
      // A station that is missing may have had less: then the mean is no lower bound.
      atLeast: own.atLeast && (fn === 'max' || spoke === 1),
    }];
  });
}

/** The greatest first; what carries too little comes after all that carries enough, what is not there last. */
export function inOrder<T extends Mapped>(all: readonly T[]): T[] {
  const rank = ({ firmness }: Mapped): number => (firmness === 'firm' || firmness === 'partial' ? 0 : firmness === 'thin' ? 1 : firmness === 'scant' ? 2 : 3);
  return [...all].sort((a, b) => rank(a) - rank(b) || (b.value ?? 0) - (a.value ?? 0) || a.id.localeCompare(b.id));
}
