// How much of the forest is watched, in the server's words read into the page's own types, and the same as tables.
import { finite, instant, list, object, oneOf, text, words } from '../api/json';
import { KINDS, type Kind, type Words } from '../states';
import { PARTS, type Part } from './view';

export interface Target {
  year: number;
  /** 0 to 1. */
  share: number;
  /** `null`: there is nothing to reach. */
  reached: boolean | null;
}

/** A commune, an owner or a forest type. */
export interface Group {
  by: Part;
  /** `null`: forest of which nobody has said. */
  id: string | null;
  name: Partial<Words>;
  forestHa: number;
  watchedHa: number;
  share: number | null;
  units: number;
}

export interface Services {
  /** Sorts of stations that must work in a commune. */
  kindsMin: number;
  communes: number;
  served: number;
  share: number | null;
  targets: readonly Target[];
  of: ReadonlyArray<{ id: string; name: Partial<Words>; kinds: readonly Kind[]; served: boolean }>;
}

export interface Coverage {
  at: number;
  forestHa: number;
  watchedHa: number;
  share: number | null;
  installedShare: number | null;
  stations: { installed: number; working: number };
  units: number;
  /** Forest was drawn for a demonstration; footprints were estimated. */
  invented: boolean;
  approximate: boolean;
  groups: readonly Group[];
  targets: readonly Target[];
  services: Services;
}

/** Samples were deleted, or no station watched yet: nothing was measured, which is not zero. */
const UNKNOWNS = ['deleted', 'not_begun'] as const;
export type Unknown = (typeof UNKNOWNS)[number];

export interface CoveragePeriod {
  at: number;
  end: number;
  partial: boolean;
  /** `null`, as what they watched: not known. */
  stations: number | null;
  forestHa: number;
  watchedHa: number | null;
  share: number | null;
  target: number | null;
  /** Why it is not known; `null` when it is. */
  unknown: Unknown | null;
}

export interface Periods {
  every: string;
  completenessPercent: number;
  periods: readonly CoveragePeriod[];
  invented: boolean;
  approximate: boolean;
  keptSince: number | null;
}

const targets = (value: unknown): Target[] =>
  list(value).map(object).flatMap((row) => {
    const [year, share] = [finite(row.year), finite(row.share)];
    return year === null || share === null ? [] : [{ year, share, reached: typeof row.reached === 'boolean' ? row.reached : null }];
  });

function group(value: unknown): Group[] {
  const row = object(value);
  const by = oneOf(row.by, PARTS);
  if (by === null) return [];
  return [{ by, id: text(row.id), name: words(row.name), forestHa: finite(row.forest_ha) ?? 0, watchedHa: finite(row.watched_ha) ?? 0, share: finite(row.share), units: finite(row.units) ?? 0 }];
}

function services(value: unknown): Services {
  const from = object(value);
  const of = list(from.of_communes).map(object).map((row) => ({
    id: text(row.id) ?? '',
    name: words(row.name),
    kinds: list(row.kinds).map((kind) => oneOf(kind, KINDS)).filter((kind) => kind !== null),
    served: row.served === true,
  }));
  return { kindsMin: finite(from.kinds_min) ?? 0, communes: finite(from.communes) ?? 0, served: finite(from.served) ?? 0, share: finite(from.share), targets: targets(from.targets), of };
}

export function readCoverage(value: unknown): Coverage {
  const from = object(value);
  const stations = object(from.stations);
  return {
    at: instant(from.at) ?? 0,
    forestHa: finite(from.forest_ha) ?? 0,
    watchedHa: finite(from.watched_ha) ?? 0,
    share: finite(from.share),
    installedShare: finite(from.installed_share),
    stations: { installed: finite(stations.installed) ?? 0, working: finite(stations.working) ?? 0 },
    units: finite(from.units) ?? 0,
    invented: from.invented === true,
    approximate: from.approximate === true,
    groups: list(from.groups).flatMap(group),
    targets: targets(from.targets),
    services: services(from.services),
  };
}

export function readPeriods(value: unknown): Periods {
  const from = object(value);
  const periods = list(from.periods).map(object).flatMap((row): CoveragePeriod[] => {
    const [at, end] = [instant(row.from), instant(row.to)];
    if (at === null || end === null) return [];
    return [{ at, end, partial: row.partial === true, stations: finite(row.stations), forestHa: finite(row.forest_ha) ?? 0, watchedHa: finite(row.watched_ha), share: finite(row.share), target: finite(row.target), unknown: oneOf(row.unknown, UNKNOWNS) }];
  });
  return {
    every: text(from.every) ?? '', completenessPercent: finite(from.completeness_percent) ?? 0, periods,
    invented: from.invented === true, approximate: from.approximate === true, keptSince: instant(from.kept_since),
  };
}

/** Where most is missing first; forest of which nobody has said comes last. */
export function groupsOf(coverage: Coverage, by: Part): Group[] {
  const missing = ({ forestHa, watchedHa }: Group): number => forestHa - watchedHa;
  return coverage.groups.filter((one) => one.by === by).sort((a, b) => Number(a.id === null) - Number(b.id === null) || missing(b) - missing(a) || (a.id ?? '').localeCompare(b.id ?? ''));
}

/** One cell: names come from people and may hold commas, quotes, or what a spreadsheet would compute. */
function cell(value: string | number | boolean | null): string {
  if (value === null) return '';
  if (typeof value !== 'string') return String(value);
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const table = (header: readonly string[], rows: ReadonlyArray<ReadonlyArray<string | number | boolean | null>>): string =>
  [header, ...rows].map((row) => row.map(cell).join(',')).join('\r\n') + '\r\n';

/** The API's own names head the columns; what is not known is empty. */
export function periodsCsv({ periods }: Periods, time: (at: number) => string): string {
  const header = ['from', 'to', 'partial', 'stations', 'forest_ha', 'watched_ha', 'share', 'target', 'unknown'];
  return table(header, periods.map((row) => [time(row.at), time(row.end), row.partial, row.stations, row.forestHa, row.watchedHa, row.share, row.target, row.unknown]));
}

export function groupsCsv(groups: readonly Group[]): string {
  return table(['by', 'id', 'name_vi', 'name_en', 'forest_ha', 'watched_ha', 'share', 'units'], groups.map((row) => [row.by, row.id, row.name.vi ?? null, row.name.en ?? null, row.forestHa, row.watchedHa, row.share, row.units]));
}

export function servicesCsv({ of }: Services): string {
  return table(['id', 'name_vi', 'name_en', 'kinds', 'served'], of.map((row) => [row.id, row.name.vi ?? null, row.name.en ?? null, row.kinds.join(' '), row.served]));
}
