// What the server's vector tiles tell of stations, where there are too many for one GeoJSON: their addresses, the groups,
// and the single stations.
import type { MapGeoJSONFeature } from 'maplibre-gl';
import { FRESHNESSES, KINDS, SEVERITIES, type Freshness, type Kind, type Severity, type Words } from '../states';

/** More symbols of one tile, 512 pixels wide, would hide each other. */
const POINTS_MAX = 200;

/** The address of tiles: of the stations that a filter admits, and of a past moment if one is named. */
export function tileAddress(filter: string, at: string | null = null): string {
  const query = new URLSearchParams(filter);
  query.set('points', String(POINTS_MAX));
  if (at !== null) query.set('at', at);
  return `${location.origin}/tiles/stations/{z}/{x}/{y}?${query.toString()}`;
}

/** The moment that an address names, milliseconds since 1970; null is the present. */
export function momentOf(address: string): number | null {
  const at = new URL(address).searchParams.get('at');
  return at === null ? null : Date.parse(at);
}

/** A group of stations as a tile tells it. */
export interface Cluster {
  lon: number;
  lat: number;
  count: number;
  freshness: string;
  severity: string | null;
  /** When that one of them was heard for which it is longest ago, milliseconds since 1970; null when none ever was. */
  oldestAt: number | null;
  /** How many never were. */
  neverHeard: number;
}

export function readCluster({ geometry, properties }: MapGeoJSONFeature): Cluster | null {
  const [lon, lat] = geometry.type === 'Point' ? geometry.coordinates : [];
  if (lon === undefined || lat === undefined || typeof properties.count !== 'number') return null;
  const { count, freshness, severity, oldest_at: oldest, never_heard: never } = properties as Record<string, unknown> & { count: number };
  return {
    lon,
    lat,
    count,
    freshness: typeof freshness === 'string' ? freshness : 'silent',
    severity: typeof severity === 'string' ? severity : null,
    oldestAt: typeof oldest === 'number' ? oldest * 1000 : null,
    neverHeard: typeof never === 'number' ? never : 0,
  };
}

/** A single station as a tile tells it. */
export interface Point {
  id: string;
  kind: Kind;
  freshness: Freshness;
  severity: Severity | null;
  /** Empty far out, where tiles have no names. */
  name: Partial<Words>;
}

/** Null for what is no station of a tile. */
export function readPoint({ properties }: MapGeoJSONFeature): Point | null {
  const { id, name_vi: vi, name_en: en, ...told } = properties as Record<string, unknown>;
  const kind = KINDS.find((name) => name === told.kind);
  if (typeof id !== 'string' || kind === undefined) return null;
  const freshness = FRESHNESSES.find((name) => name === told.freshness) ?? 'silent';
  const severity = SEVERITIES.find((name) => name === told.severity) ?? null;
  return { id, kind, freshness, severity, name: { ...(typeof vi === 'string' && { vi }), ...(typeof en === 'string' && { en }) } };
}

/** A station under the cursor, and what its tile tells of it, if it came by one. */
export interface Found {
  id: string;
  point: Point | null;
}

/** The stations of what is drawn at a place, each once. */
export function foundIn(features: readonly MapGeoJSONFeature[]): Found[] {
  const found = new Map<string, Found>();
  for (const feature of features) {
    const id = String(feature.properties.id);
    const point = found.get(id)?.point ?? readPoint(feature);
    found.set(id, { id, point });
  }
  return [...found.values()];
}
