// What the server sends (see openapi.json) and its reading into the page's own types.
//
// Reading is forgiving about what is missing and strict about states: an unknown freshness counts as `silent`, because
// the page must never show something as live that it does not understand.
import type { Feature, Geometry, Point } from 'geojson';
import { finite, instant, list, object, oneOf, text, words, type Json } from './json';
import {
  ALERT_STATES,
  FRESHNESSES,
  KINDS,
  QUALITIES,
  SEVERITIES,
  type AlertState,
  type Freshness,
  type Kind,
  type Language,
  type Quality,
  type Severity,
  type Words,
} from '../states';

export interface Channel {
  property: string;
  /** UCUM code. */
  unit: string;
  value: number | null;
  /** Milliseconds since 1970; `null` when nothing was ever observed. */
  observedAt: number | null;
  receivedAt: number | null;
  quality: Quality;
  /** Until when it is as fresh as declared when nothing comes, its device's sleep not counted; `null` when unsaid. */
  freshUntil: number | null;
  /** As the server judged it when it sent this. */
  declared: Freshness;
  /** Expected time between samples; `null` when the server did not say. */
  intervalMs: number | null;
  /** Delay that is ordinary on the channel's link. */
  graceMs: number;
  /** What the server computes it from; empty for what is measured. */
  derivedFrom: readonly string[];
}

export interface Station {
  id: string;
  kind: Kind;
  name: Partial<Words>;
  /** Code of the commune. */
  area: string | null;
  areaName: Partial<Words>;
  lon: number;
  lat: number;
  channels: readonly Channel[];
  declared: Freshness;
  severity: Severity | null;
}

export interface ListedArea {
  id: string;
  name: Partial<Words>;
}

/** The areas in which stations stand, in the order of their names in a language. */
export function areasOf(stations: readonly Pick<Station, 'area' | 'areaName'>[], language: Language): ListedArea[] {
  const found = new Map<string, ListedArea>();
  for (const { area, areaName } of stations) if (area !== null && !found.has(area)) found.set(area, { id: area, name: areaName });
  const nameOf = ({ id, name }: ListedArea): string => (name[language] ?? name.vi ?? name.en) || id;
  return [...found.values()].sort((a, b) => nameOf(a).localeCompare(nameOf(b), language));
}

/** That nobody is told of an alert until a time. */
export interface Shelf {
  by: string;
  reason: string;
  at: number | null;
  until: number | null;
}

/** How an alert stands by what people did about it. */
export interface Handling {
  /** Somebody looks after it, as severe as it is now. */
  acknowledged: boolean;
  acknowledgedBy: ReadonlyArray<{ by: string; at: number | null }>;
  assignedTo: string | null;
  shelved: Shelf | null;
  closed: { by: string; cause: string; note: string; at: number | null } | null;
  /** Nobody is told of it: shelved, or closed while its condition holds. */
  quiet: boolean;
}

export interface Alert {
  id: string;
  rule: string;
  title: Partial<Words>;
  /** What to do. */
  text: Partial<Words>;
  /** The law or the science behind its rule. */
  source: string | null;
  station: string;
  stationName: Partial<Words>;
  /** Code of the area. */
  area: string | null;
  property: string | null;
  unit: string | null;
  areaName: Partial<Words>;
  state: AlertState;
  severity: Severity;
  threshold: number | null;
  value: number | null;
  startedAt: number;
  changedAt: number;
  endedAt: number | null;
  /** Grows with everything that people say about it. */
  version: number;
  handling: Handling;
  incident: string | null;
  occurrences: number;
  flapping: boolean;
  /** The known heat source that explains it. */
  maskedBy: Partial<Words> | null;
}

/** What the map draws of an area: its code is in the properties too, where MapLibre looks for it. */
export type AreaFeature = Feature<Geometry, { id: string; name: Partial<Words>; label: [number, number] | null }>;

export interface Heartbeat {
  now: number;
  /** Seconds since the newest sensor message reached the server; `null` when none ever did. */
  intakeAgeS: number | null;
  /** Seconds since the server last judged silence and hold times; `null` before the first time. */
  tickAgeS: number | null;
  /** Names of the sources whose devices the server cannot hear: the link to their broker is down. */
  unheard: string[];
}

export interface Me {
  name: string;
  role: string;
  demo: boolean;
}

/** A time of several samples. */
export interface Bucket {
  at: number;
  end: number;
  mean: number | null;
  min: number | null;
  max: number | null;
  count: number;
  expected: number;
}

export interface Sample {
  at: number;
  value: number | null;
  quality: Quality;
}

/** Grace of each link class, for servers that name the link instead of its grace. */
const GRACE_MS: Readonly<Record<string, number>> = { wired: 10_000, cellular: 60_000, lorawan: 300_000 };

/** What is shown of a value that is good: that a person gave it, that its time is odd. */
const TOLD_OF_GOOD = ['edited', 'clock_skew'] as const;

/** A word that is not known says something against the value; none is said of a value that was never observed. */
function quality(value: unknown): Quality {
  if (value === null || value === undefined) return 'good';
  return oneOf(value, QUALITIES) ?? 'doubtful';
}

/** The worst word; for a good value what its flags tell all the same. */
function told(word: unknown, flags: unknown): Quality {
  const worst = quality(word);
  return worst === 'good' ? (TOLD_OF_GOOD.find((flag) => list(flags).includes(flag)) ?? 'good') : worst;
}

function channel(value: unknown): Channel {
  const from = object(value);
  const intervalS = finite(from.interval_s);
  const graceS = finite(from.grace_s);
  return {
    property: text(from.property) ?? '',
    unit: text(from.unit) ?? '1',
    value: finite(from.value),
    observedAt: instant(from.observed_at),
    receivedAt: instant(from.received_at),
    quality: told(from.quality, from.flags),
    freshUntil: instant(from.fresh_until),
    declared: oneOf(from.freshness, FRESHNESSES) ?? 'silent',
    intervalMs: intervalS === null ? null : intervalS * 1000,
    graceMs: graceS === null ? (GRACE_MS[text(from.link) ?? ''] ?? 60_000) : graceS * 1000,
    derivedFrom: list(from.derived_from).map(text).filter((property) => property !== null),
  };
}

/** A station's feature; `null` for anything else (a cluster, a feature without a place). */
export function readStation(value: unknown): Station | null {
  const feature = object(value) as Partial<Feature<Point, Json>>;
  const from = object(feature.properties);
  const id = text(feature.id) ?? text(from.id);
  const [lon, lat] = feature.geometry?.type === 'Point' ? feature.geometry.coordinates : [];
  const kind = oneOf(from.kind, KINDS);
  if (id === null || kind === null || lon === undefined || lat === undefined) return null;
  return {
    id,
    kind,
    name: words(from.name),
    area: text(from.area),
    areaName: words(from.area_name),
    lon,
    lat,
    channels: list(from.channels).map(channel),
    declared: oneOf(from.freshness, FRESHNESSES) ?? 'silent',
    severity: oneOf(from.severity, SEVERITIES),
  };
}

/** The stations of a layer. */
export function readStations(value: unknown): Station[] {
  return list(object(value).features)
    .map(readStation)
    .filter((station) => station !== null);
}

export function readHandling(value: unknown): Handling {
  const from = object(value);
  const shelf = object(from.shelved);
  const closed = object(from.closed);
  const by = (entry: Json): string => text(entry.by) ?? '';
  return {
    acknowledged: from.acknowledged === true,
    acknowledgedBy: list(from.acknowledged_by).map(object).map((entry) => ({ by: by(entry), at: instant(entry.at) })),
    assignedTo: text(from.assigned_to),
    shelved: from.shelved ? { by: by(shelf), reason: text(shelf.reason) ?? '', at: instant(shelf.at), until: instant(shelf.until) } : null,
    closed: from.closed ? { by: by(closed), cause: text(closed.cause) ?? '', note: text(closed.note) ?? '', at: instant(closed.at) } : null,
    quiet: from.quiet === true,
  };
}

/** An alert; `null` when it is not one. */
export function readAlert(value: unknown): Alert | null {
  const from = object(value);
  const id = text(from.id);
  const state = oneOf(from.state, ALERT_STATES);
  const severity = oneOf(from.severity, SEVERITIES);
  const startedAt = instant(from.started_at);
  if (id === null || state === null || severity === null || startedAt === null) return null;
  return {
    id,
    rule: text(from.rule) ?? '',
    title: words(from.title),
    text: words(from.text),
    source: text(from.source),
    station: text(from.station) ?? '',
    stationName: words(from.station_name ?? from.area_name),
    area: text(from.area),
    property: text(from.property),
    unit: text(from.unit),
    areaName: words(from.area_name),
    state,
    severity,
    threshold: finite(from.threshold),
    value: finite(from.value),
    startedAt,
    changedAt: instant(from.changed_at) ?? startedAt,
    endedAt: instant(from.ended_at),
    version: finite(from.version) ?? 0,
    handling: readHandling(from.handling),
    incident: text(from.incident),
    occurrences: finite(from.occurrences) ?? 1,
    flapping: from.flapping === true,
    maskedBy: from.masked_by ? words(from.masked_by) : null,
  };
}

/** A page of alerts: `{alerts: […], next}`. */
export function readAlerts(value: unknown): Alert[] {
  return list(object(value).alerts)
    .map(readAlert)
    .filter((alert) => alert !== null);
}

/** The areas of the layer that have a code and a shape. */
export function readAreas(value: unknown): AreaFeature[] {
  const areas: AreaFeature[] = [];
  for (const row of list(object(value).features)) {
    const feature = object(row) as Partial<Feature<Geometry, Json>>;
    const from = object(feature.properties);
    const id = text(feature.id);
    if (id === null || !feature.geometry) continue;
    const [lon, lat] = list(from.label).map(finite);
    const label: [number, number] | null = typeof lon === 'number' && typeof lat === 'number' ? [lon, lat] : null;
    const properties = { id, name: words(from.name), label };
    areas.push({ type: 'Feature', geometry: feature.geometry, properties });
  }
  return areas;
}

export function readHeartbeat(value: unknown): Heartbeat | null {
  const from = object(value);
  const now = instant(from.now);
  if (now === null) return null;
  const unheard = list(from.unheard).map((source) => text(object(source).source)).filter((name) => name !== null);
  return { now, intakeAgeS: finite(from.intake_age_s), tickAgeS: finite(from.tick_age_s), unheard };
}

export function readMe(value: unknown): Me {
  const from = object(value);
  return { name: text(from.name) ?? '', role: text(from.role) ?? '', demo: from.demo === true };
}

/** The buckets of one channel out of a history answer, oldest first. */
export function readBuckets(value: unknown, name: string): Bucket[] {
  const channels = list(object(value).channels).map(object);
  const found = channels.find((candidate) => candidate.channel === name) ?? channels[0];
  const buckets: Bucket[] = [];
  for (const row of list(found?.buckets)) {
    const from = object(row);
    const at = instant(from.time);
    const end = instant(from.end);
    if (at === null || end === null) continue;
    buckets.push({ at, end, mean: finite(from.mean), min: finite(from.min), max: finite(from.max), count: finite(from.count) ?? 0, expected: finite(from.expected) ?? 0 });
  }
  return buckets.sort((a, b) => a.at - b.at);
}

/** The samples of one channel out of a history answer, oldest first. */
export function readHistory(value: unknown, name: string): Sample[] {
  const channels = list(object(value).channels).map(object);
  const found = channels.find((candidate) => candidate.channel === name) ?? channels[0];
  const samples: Sample[] = [];
  for (const row of list(found?.samples)) {
    const from = object(row);
    const at = instant(from.time);
    if (at !== null) samples.push({ at, value: finite(from.value), quality: quality(from.quality) });
  }
  return samples.sort((a, b) => a.at - b.at);
}
