// Stations drawn from the server's vector tiles, where there are too many for one GeoJSON: clusters that say how many, the
// worst freshness in service and the worst severity, and stations that look as they do otherwise.
//
// Tiles are asked for again when the server says that something looks different, those in view alone and with their tags,
// so that an unchanged one costs nothing; the old ones stand until the new ones are there. Other stations and another moment
// are other tiles: none of the old ones stand for them.
import type { ExpressionSpecification, LayerSpecification, Map as MapLibreMap, MapGeoJSONFeature } from 'maplibre-gl';
import type { Language, Theme } from '../states';
import { SEMIBOLD } from './fonts';
import { BODY_SIZE, FADED, LAYER, layOver, MARK, RING, severityColour } from './style';

const SOURCE = 'crowd';
export const CROWD = { bodies: 'crowd-stations', alerted: 'crowd-alerted', clusters: 'crowd-clusters' } as const;
/** More symbols of one tile, 512 pixels wide, would hide each other. */
const POINTS_MAX = 200;
/** A refresh waits for a hand to leave the map, but not for longer. */
const MOVING_MS = 10_000;
/** Between two refreshes when a tile did not come. */
const FAILED_AGAIN_MS = 5_000;
/** Where tiles are enlarged instead of asked for: the map's own greatest zoom. */
const ZOOM_MAX = 15;
/** For ages while no news comes: tiles do not say the intervals of their stations, and this is what an unsaid one counts as. */
const INTERVAL_S = 600;

/** The address of tiles: of the stations that a filter admits, and of a past moment if one is named. */
export function tileAddress(filter: string, at: string | null = null): string {
  const query = new URLSearchParams(filter);
  query.set('points', String(POINTS_MAX));
  if (at !== null) query.set('at', at);
  return `${location.origin}/tiles/stations/{z}/{x}/{y}?${query.toString()}`;
}

const told: ExpressionSpecification = ['to-string', ['coalesce', ['get', 'freshness'], 'silent']];

/** How fresh a feature is drawn. While nothing can be asked, `agedAt` says now: nothing looks live then, and time goes on. */
function drawn(agedAt: number | null, heard: 'heard_at' | 'oldest_at'): ExpressionSpecification {
  if (agedAt === null) return told;
  const age: ExpressionSpecification = ['-', Math.round(agedAt / 1000), ['to-number', ['coalesce', ['get', heard], 0]]];
  const byAge: ExpressionSpecification = ['step', age, 'late', 2 * INTERVAL_S, 'stale', 5 * INTERVAL_S, 'silent'];
  return ['match', told, ['live', 'late'], byAge, 'stale', ['case', ['==', byAge, 'silent'], 'silent', 'stale'], told];
}

/** In steps of the count, so that a glance tells tens from thousands. */
const byCount = (...sizes: [number, number, number, number]): ExpressionSpecification =>
  ['step', ['get', 'count'], sizes[0], 10, sizes[1], 100, sizes[2], 1000, sizes[3]];

/** Ink of the count on a disc. */
const INK: Readonly<Record<Theme, { filled: string; hollow: string }>> = {
  dark: { filled: '#06231b', hollow: '#e6eef3' },
  light: { filled: '#ffffff', hollow: '#14232d' },
};

interface Looks {
  theme: Theme;
  language: Language;
  /** Clear is the present; faded is what was last known. */
  how: 'clear' | 'faded';
  agedAt: number | null;
}

function layers({ theme, language, how, agedAt }: Looks): LayerSpecification[] {
  const opacity = how === 'clear' ? 1 : FADED;
  const alerted: ExpressionSpecification = ['has', 'severity'];
  const [points, clusters] = [{ source: SOURCE, 'source-layer': 'stations' }, { source: SOURCE, 'source-layer': 'clusters' }];
  const colour = severityColour(theme);
  const ring = { ...RING, 'circle-color': colour, 'circle-stroke-color': colour, 'circle-stroke-opacity': opacity };
  const overlapping = { 'icon-allow-overlap': true, 'icon-padding': 0 };
  const body = {
    type: 'symbol' as const,
    ...points,
    layout: {
      ...overlapping,
      'icon-image': ['concat', 'body-', ['get', 'kind'], '-', drawn(agedAt, 'heard_at')] as ExpressionSpecification,
      'icon-size': BODY_SIZE,
    },
    paint: { 'icon-opacity': opacity },
  };
  const discs = drawn(agedAt, 'oldest_at');
  return [
    { ...body, id: CROWD.bodies, filter: ['!', alerted] },
    {
      id: 'crowd-cluster-rings',
      type: 'circle',
      ...clusters,
      filter: alerted,
      paint: { ...ring, 'circle-radius': byCount(21, 24, 28, 32), 'circle-stroke-width': 2.2 },
    },
    {
      id: CROWD.clusters,
      type: 'symbol',
      ...clusters,
      layout: {
        ...overlapping,
        'icon-image': ['concat', 'many-', discs],
        'icon-size': byCount(0.72, 0.82, 0.96, 1.12),
        'text-field': ['number-format', ['get', 'count'], { locale: language }],
        'text-font': SEMIBOLD,
        'text-size': byCount(12, 12.5, 13, 13.5),
        'text-allow-overlap': true,
      },
      paint: { 'icon-opacity': opacity, 'text-opacity': how === 'clear' ? 1 : 0.6, 'text-color': ['match', discs, 'live', INK[theme].filled, INK[theme].hollow] },
    },
    {
      id: 'crowd-cluster-marks',
      type: 'symbol',
      ...clusters,
      filter: alerted,
      layout: { ...MARK, 'icon-size': 0.9, 'icon-offset': ['step', ['get', 'count'], ['literal', [19, -19]], 100, ['literal', [23, -23]], 1000, ['literal', [27, -27]]] },
      paint: { 'icon-opacity': opacity },
    },
    {
      id: 'crowd-rings',
      type: 'circle',
      ...points,
      filter: alerted,
      paint: ring,
    },
    { ...body, id: CROWD.alerted, filter: alerted },
    {
      id: 'crowd-marks',
      type: 'symbol',
      ...points,
      filter: alerted,
      layout: MARK,
      paint: { 'icon-opacity': opacity },
    },
  ];
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

/** The layers on a map, and their refreshing. */
export class CrowdLayers {
  #tiles = '';
  /** The revision that the tiles show; null when that is not known. */
  #shown: number | null = null;
  #pending: { revision: number; at: number } | null = null;
  #failed = false;
  #askedAt = 0;
  #movingSince = 0;

  constructor(private readonly map: MapLibreMap) {
    map.on('error', (event) => {
      if ('sourceId' in event && event.sourceId === SOURCE) this.#failed = true;
    });
    map.on('movestart', () => (this.#movingSince = performance.now()));
  }

  /**
   * Draws tiles of this address; false when they are drawn already. Another address is another source: a living one may
   * keep tiles of another moment, or of other stations, and what is not there yet lies less.
   */
  show(tiles: string, looks: Looks): boolean {
    if (tiles === this.#tiles) return false;
    this.hide();
    this.map.addSource(SOURCE, { type: 'vector', tiles: [tiles], maxzoom: ZOOM_MAX });
    for (const layer of layers(looks)) this.map.addLayer(layer, LAYER.bodies);
    this.#tiles = tiles;
    return true;
  }

  hide(): void {
    if (!this.map.getSource(SOURCE)) return;
    for (const { id } of layers({ theme: 'dark', language: 'vi', how: 'clear', agedAt: null })) this.map.removeLayer(id);
    this.map.removeSource(SOURCE);
    this.#tiles = '';
    this.#shown = this.#pending = null;
    this.#failed = false;
  }

  /** Lays other looks over the layers that are there. */
  relook(looks: Looks): void {
    if (!this.map.getSource(SOURCE)) return;
    layOver(this.map, layers(looks));
  }

  /**
   * The server says that it has this revision, as of `at`. Answers with the moment of which the tiles on the screen are
   * surely not older; null when that is not known.
   */
  follow(revision: number, at: number): number | null {
    if (!this.map.getSource(SOURCE)) return null;
    let confirmed: number | null = null;
    if (this.map.isSourceLoaded(SOURCE)) {
      if (this.#failed) this.#shown = null;
      else if (this.#pending) {
        this.#shown = this.#pending.revision;
        confirmed = this.#pending.at;
      }
      this.#pending = null;
    }
    if (revision === this.#shown) return at;
    if (this.#failed && performance.now() - this.#askedAt < FAILED_AGAIN_MS) return confirmed;
    const busy = this.map.isMoving() && performance.now() - this.#movingSince < MOVING_MS;
    if (this.#pending === null && !busy) {
      this.#pending = { revision, at };
      this.#failed = false;
      this.#askedAt = performance.now();
      this.map.refreshTiles(SOURCE);
    }
    return confirmed;
  }

  /** The groups in view, the most stations first. */
  clusters(): Cluster[] {
    if (!this.map.getLayer(CROWD.clusters)) return [];
    const found = this.map.queryRenderedFeatures({ layers: [CROWD.clusters] }).map(readCluster).filter((cluster) => cluster !== null);
    return found.sort((a, b) => b.count - a.count);
  }
}
