// The API's answer about buckets, read into the page's own types.
import { finite, instant, list, object, text, type Json } from '../api/json';
import type { Words } from '../states';

export interface Bucket {
  /** Milliseconds since 1970. */
  at: number;
  end: number;
  /** By function; `null` when no sample says anything. */
  values: Readonly<Record<string, number | null>>;
  count: number;
  expected: number;
  /** 0 to 1; `null` when nothing is expected. */
  completeness: number | null;
  worst: string | null;
  leftOut: number;
  partial: boolean;
  /** Of areas: stations with a value, and those that should have one. */
  stations: number | null;
  stationsExpected: number | null;
  /** The bucket of the same number in the other period. */
  other: Other | null;
}

export interface Other {
  at: number;
  values: Readonly<Record<string, number | null>>;
  count: number;
  expected: number;
  completeness: number | null;
}

export interface Series {
  /** STATION/PROPERTY, or an area's code. */
  key: string;
  /** Of areas; those of channels are known from the list of stations. */
  name: Partial<Words> | null;
  property: string;
  unit: string;
  /** What the answer was made from: raw, minute, hour, day. */
  tiers: readonly string[];
  /** What lies before was deleted for its age. */
  keptSince: number | null;
  buckets: readonly Bucket[];
  /** Buckets of a longer period compared with that have no counterpart: part of its sum, with no place in the picture. */
  surplus: readonly Other[];
}

export interface Answer {
  every: string;
  tz: string;
  from: number;
  to: number;
  functions: readonly string[];
  quality: string;
  compare: { from: number; to: number } | null;
  series: readonly Series[];
}

const valuesOf = (row: Json, functions: readonly string[], before: string): Record<string, number | null> =>
  Object.fromEntries(functions.map((fn) => [fn, finite(row[`${before}${fn}`])]));

function otherOf(value: unknown, functions: readonly string[]): Other | null {
  const row = object(value);
  const at = instant(row.compare_time);
  if (at === null) return null;
  return {
    at,
    values: valuesOf(row, functions, 'compare_'),
    count: finite(row.compare_count) ?? 0,
    expected: finite(row.compare_expected) ?? 0,
    completeness: finite(row.compare_completeness),
  };
}

function bucket(value: unknown, functions: readonly string[]): Bucket | null {
  const row = object(value);
  const [at, end] = [instant(row.time), instant(row.end)];
  if (at === null || end === null) return null;
  return {
    at,
    end,
    values: valuesOf(row, functions, ''),
    count: finite(row.count) ?? 0,
    expected: finite(row.expected) ?? 0,
    completeness: finite(row.completeness),
    worst: text(row.worst_quality),
    leftOut: finite(row.left_out) ?? 0,
    partial: row.partial === true,
    stations: finite(row.stations),
    stationsExpected: finite(row.stations_expected),
    other: otherOf(row, functions),
  };
}

function names(value: unknown): Partial<Words> | null {
  const { vi, en } = object(value);
  return typeof vi === 'string' || typeof en === 'string'
    ? { ...(typeof vi === 'string' ? { vi } : {}), ...(typeof en === 'string' ? { en } : {}) }
    : null;
}

export function readAnswer(value: unknown): Answer {
  const from = object(value);
  const functions = list(from.functions).filter((word): word is string => typeof word === 'string');
  const compared = object(from.compare);
  const [since, until] = [instant(compared.from), instant(compared.to)];
  const compare = since === null || until === null ? null : { from: since, to: until };
  const isAreas = Array.isArray(from.areas);
  const series = list(isAreas ? from.areas : from.channels).map((entry): Series => {
    const row = object(entry);
    const key = text(isAreas ? row.area : row.channel) ?? '';
    const rows = list(row.buckets);
    return {
      key,
      name: names(row.name),
      property: isAreas ? (text(from.property) ?? '') : key.slice(key.lastIndexOf('/') + 1),
      unit: text(row.unit) ?? '1',
      tiers: text(row.tier)?.split(',').filter((word) => word !== '') ?? [],
      keptSince: instant(row.kept_since),
      buckets: rows.map((entry) => bucket(entry, functions)).filter((entry) => entry !== null),
      surplus: rows.filter((entry) => instant(object(entry).time) === null).map((entry) => otherOf(entry, functions)).filter((entry) => entry !== null),
    };
  });
  return {
    every: text(from.every) ?? '',
    tz: text(from.tz) ?? '',
    from: instant(from.from) ?? 0,
    to: instant(from.to) ?? 0,
    functions,
    quality: text(from.quality) ?? '',
    compare,
    series,
  };
}
