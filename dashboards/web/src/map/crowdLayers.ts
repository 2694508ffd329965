// Stations drawn from the server's vector tiles, and their refreshing.
//
// Tiles are asked for again when the server says that something looks different, those in view alone and with their tags,
// so that an unchanged one costs nothing; the old ones stand until the new ones are there.
//
// Other stations and another moment are another source: a living one may keep tiles of what it was. It is loaded unseen
// beside what is drawn and takes its place at once when all of it is in. There are never more than two; the newest wish
// ends the one before.
import type { Map as MapLibreMap } from 'maplibre-gl';
import { readCluster, type Cluster } from './crowd';
import { clusterLayer, crowdLayers, pointLayers, type Looks } from './crowdStyle';
import { LAYER, layOver } from './style';

/** A refresh waits for a hand to leave the map, but not for longer. */
const MOVING_MS = 10_000;
/** Between two askings when a tile did not come. */
const FAILED_AGAIN_MS = 5_000;
/** How long symbols of tiles that are in take to be placed and faded in, on a map that does not come to rest. */
const PLACED_MS = 400;
/** Where tiles are enlarged instead of asked for: the map's own greatest zoom. */
const ZOOM_MAX = 15;

/** How tiles stand. */
export interface Standing {
  /** The address of those that are drawn; null while there are none. */
  drawn: string | null;
  /** When those were first asked for (`performance.now`). */
  since: number;
  /** Not all of them are there: one could not be had. */
  torn: boolean;
  /** Those that are loaded beside them. */
  coming: { tiles: string; state: 'loading' | 'ready' | 'failed'; error: Error | null } | null;
}

interface Laid {
  tiles: string;
  source: string;
  since: number;
}

interface Coming extends Laid {
  state: 'loading' | 'ready' | 'failed';
  error: Error | null;
  timer: ReturnType<typeof setTimeout> | undefined;
}

export class CrowdLayers {
  readonly #map: MapLibreMap;
  readonly #tell: (standing: Standing) => void;
  #laid: Laid | null = null;
  #coming: Coming | null = null;
  #when: 'ready' | 'told' = 'ready';
  #looks: Looks | null = null;
  /** Those over the layers that are there. */
  #worn: Looks | null = null;
  #count = 0;
  /** The revision that the tiles show; null when that is not known. */
  #shown: number | null = null;
  #pending: { revision: number; at: number } | null = null;
  /** Since tiles were asked for last, one of those drawn did not come. */
  #failed = false;
  #torn = false;
  #mending: ReturnType<typeof setTimeout> | undefined;
  #askedAt = 0;
  #movingSince = 0;

  constructor(map: MapLibreMap, tell: (standing: Standing) => void) {
    this.#map = map;
    this.#tell = tell;
    map.on('error', this.#heardError);
    map.on('sourcedata', this.#heard);
    map.on('idle', this.#rested);
    map.on('movestart', this.#moved);
  }

  /**
   * Wants tiles of this address drawn: as soon as they are all in, or, where something else must change with them, when
   * that is told by wanting them again. What is drawn stands until then; where nothing is, they are drawn as they come.
   */
  want(tiles: string, when: 'ready' | 'told', looks: Looks): void {
    this.#when = when;
    this.#looks = looks;
    if (tiles === this.#laid?.tiles) this.#dropComing();
    else if (this.#laid === null) {
      this.#laid = this.#lay(tiles, looks);
      this.#worn = looks;
    } else if (tiles !== this.#coming?.tiles || this.#coming.state === 'failed') this.#begin(tiles);
    else if (this.#coming.state === 'ready' && when === 'ready') this.#swap();
    this.#told();
  }

  hide(): void {
    this.#dropComing();
    clearTimeout(this.#mending);
    if (this.#laid) this.#takeUp(this.#laid);
    this.#laid = null;
    this.#forgetRevision();
    this.#told();
  }

  /** Nothing more is told or asked for. The map goes with its layers. */
  stop(): void {
    clearTimeout(this.#mending);
    clearTimeout(this.#coming?.timer);
    this.#map.off('error', this.#heardError);
    this.#map.off('sourcedata', this.#heard);
    this.#map.off('idle', this.#rested);
    this.#map.off('movestart', this.#moved);
  }

  /** Lays other looks over the layers that are there. */
  relook(looks: Looks): void {
    this.#looks = looks;
    if (looks === this.#worn) return;
    this.#worn = looks;
    if (this.#laid) layOver(this.#map, crowdLayers(this.#laid.source, looks));
    if (this.#coming && this.#coming.state !== 'failed') layOver(this.#map, crowdLayers(this.#coming.source, { ...looks, how: 'unseen' }));
  }

  /**
   * The server says that it has this revision, as of `at`. Answers with the moment of which the tiles on the screen are
   * surely not older; null when that is not known.
   */
  follow(revision: number, at: number): number | null {
    // What is about to go is not asked for again.
    if (!this.#laid || (this.#coming && this.#when === 'ready')) return null;
    let confirmed: number | null = null;
    if (this.#map.isSourceLoaded(this.#laid.source)) {
      if (this.#failed) this.#shown = null;
      else if (this.#pending) {
        this.#shown = this.#pending.revision;
        confirmed = this.#pending.at;
      }
      this.#pending = null;
    }
    if (revision === this.#shown) return at;
    if (this.#failed && performance.now() - this.#askedAt < FAILED_AGAIN_MS) return confirmed;
    const busy = this.#map.isMoving() && performance.now() - this.#movingSince < MOVING_MS;
    if (this.#pending === null && !busy) {
      this.#pending = { revision, at };
      this.#refresh(this.#laid);
    }
    return confirmed;
  }

  /** The layers in which the single stations that are drawn are found. */
  get points(): string[] {
    return this.#laid ? pointLayers(this.#laid.source) : [];
  }

  /** The layers in which the groups that are drawn are found. */
  get groups(): string[] {
    return this.#laid ? [clusterLayer(this.#laid.source)] : [];
  }

  /** The groups in view, the most stations first. */
  clusters(): Cluster[] {
    if (!this.#laid) return [];
    const found = this.#map.queryRenderedFeatures({ layers: this.groups }).map(readCluster).filter((cluster) => cluster !== null);
    return found.sort((a, b) => b.count - a.count);
  }

  #lay(tiles: string, looks: Looks): Laid {
    this.#count += 1;
    const source = `crowd-${this.#count}`;
    this.#map.addSource(source, { type: 'vector', tiles: [tiles], maxzoom: ZOOM_MAX });
    for (const layer of crowdLayers(source, looks)) this.#map.addLayer(layer, LAYER.bodies);
    return { tiles, source, since: performance.now() };
  }

  #takeUp({ source }: Laid): void {
    if (!this.#looks) return;
    for (const { id } of crowdLayers(source, this.#looks)) this.#map.removeLayer(id);
    this.#map.removeSource(source);
  }

  #begin(tiles: string): void {
    this.#dropComing();
    if (!this.#looks) return;
    this.#coming = { ...this.#lay(tiles, { ...this.#looks, how: 'unseen' }), state: 'loading', error: null, timer: undefined };
  }

  #dropComing(): void {
    if (!this.#coming) return;
    clearTimeout(this.#coming.timer);
    if (this.#coming.state !== 'failed') this.#takeUp(this.#coming);
    this.#coming = null;
  }

  #swap(): void {
    const [before, after] = [this.#laid, this.#coming];
    if (!after || !this.#looks) return;
    clearTimeout(after.timer);
    clearTimeout(this.#mending);
    this.#coming = null;
    this.#laid = after;
    this.#forgetRevision();
    this.#worn = null;
    layOver(this.#map, crowdLayers(after.source, { ...this.#looks, how: 'clear' }));
    if (before) this.#takeUp(before);
  }

  #forgetRevision(): void {
    this.#shown = this.#pending = null;
    this.#failed = this.#torn = false;
    this.#mending = undefined;
  }

  #refresh({ source }: Laid): void {
    this.#failed = false;
    this.#askedAt = performance.now();
    this.#map.refreshTiles(source);
  }

  #told(): void {
    const { tiles, state, error } = this.#coming ?? {};
    this.#tell({
      drawn: this.#laid?.tiles ?? null,
      since: this.#laid?.since ?? 0,
      torn: this.#torn,
      coming: tiles !== undefined && state !== undefined ? { tiles, state, error: error ?? null } : null,
    });
  }

  /** All of its tiles are in; `rests` when they are placed too. */
  #settle(coming: Coming, rests: boolean): void {
    if (coming.state !== 'loading' || !this.#map.isSourceLoaded(coming.source)) return;
    if (!rests) {
      coming.timer ??= setTimeout(() => {
        coming.timer = undefined;
        if (this.#coming === coming) this.#settle(coming, true);
      }, PLACED_MS);
      return;
    }
    coming.state = 'ready';
    if (this.#when === 'ready') this.#swap();
    this.#told();
  }

  /** What was torn is whole again. */
  #look({ source }: Laid): void {
    if (!this.#torn || this.#failed || !this.#map.isSourceLoaded(source)) return;
    this.#torn = false;
    this.#told();
  }

  readonly #rested = (): void => {
    if (this.#coming) this.#settle(this.#coming, true);
    if (this.#laid) this.#look(this.#laid);
  };

  readonly #heard = ({ sourceId }: { sourceId: string }): void => {
    if (this.#coming?.source === sourceId) this.#settle(this.#coming, false);
    if (this.#laid?.source === sourceId) this.#look(this.#laid);
  };

  readonly #moved = (): void => {
    this.#movingSince = performance.now();
  };

  readonly #heardError = (event: object): void => {
    const source = 'sourceId' in event ? event.sourceId : undefined;
    const error = 'error' in event && event.error instanceof Error ? event.error : new Error('a tile did not come');
    if (source === this.#coming?.source) this.#fail(error);
    else if (source === this.#laid?.source) this.#tear();
  };

  /** One that does not come makes the whole untrue: it goes, and is begun again after a while. */
  #fail(error: Error): void {
    const coming = this.#coming;
    if (!coming || coming.state === 'failed') return;
    clearTimeout(coming.timer);
    this.#takeUp(coming);
    coming.state = 'failed';
    coming.error = error;
    coming.timer = setTimeout(() => {
      this.#begin(coming.tiles);
      this.#told();
    }, FAILED_AGAIN_MS);
    this.#told();
  }

  #tear(): void {
    this.#failed = true;
    this.#mending ??= setTimeout(() => {
      this.#mending = undefined;
      if (this.#laid && this.#failed) this.#refresh(this.#laid);
    }, FAILED_AGAIN_MS);
    if (this.#torn) return;
    this.#torn = true;
    this.#told();
  }
}
