// Which layers lie below the stations on the map: at most one that fills areas, and others beside it. Remembered on this
// device.
import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { remember, remembered } from '../shell/remembered';

/** Layers that fill the map, by their names at the server. */
export const AREA_LAYERS = ['areas', 'air_temperature', 'rain_24h', 'pm2_5', 'fire_danger'] as const;
export type AreaLayer = (typeof AREA_LAYERS)[number];
/** Layers that leave room for others: two of the server's catalogue, two of the forest's coverage. */
export const BESIDE_LAYERS = ['roads', 'rivers', 'footprints', 'holes'] as const;
export type BesideLayer = (typeof BESIDE_LAYERS)[number];
export type OverlayId = AreaLayer | BesideLayer;

export type OverlayState = 'loading' | 'shown' | 'failed';

/** What an answer about coverage says of itself. */
export interface CoverageNote {
  count: number;
  invented: boolean;
  approximate: boolean;
  leftOut: number;
}

class Overlays {
  /** Whether the list to choose from is open. */
  open = $state(false);
  area = $state<AreaLayer | 'none'>(remembered('layer-area', ['none', ...AREA_LAYERS]));
  readonly beside = new SvelteSet<BesideLayer>(BESIDE_LAYERS.filter((id) => remembered(`layer-${id}`, ['off', 'on']) === 'on'));
  /** What has become of those that are on. */
  readonly states = new SvelteMap<OverlayId, OverlayState>();
  readonly notes = new SvelteMap<OverlayId, CoverageNote>();

  /** Those that are on, from the lowest to the highest. */
  get on(): OverlayId[] {
    const area = this.area === 'none' ? [] : [this.area];
    return [...area, ...BESIDE_LAYERS.filter((id) => this.beside.has(id))];
  }

  choose(area: AreaLayer | 'none'): void {
    this.area = area;
    remember('layer-area', area);
  }

  turn(id: BesideLayer, on: boolean): void {
    if (on) this.beside.add(id);
    else this.beside.delete(id);
    remember(`layer-${id}`, on ? 'on' : 'off');
  }
}

export const overlays = new Overlays();
