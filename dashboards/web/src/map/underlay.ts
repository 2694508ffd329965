// Lays overlays below the stations and changes them without a blink: what is new is loaded unseen beside what is there,
// and takes its place when all of it is in. Each source is of one moment, so a slow answer can never bring an older one
// back.
import type { LayerSpecification, Map as MapLibreMap, MapSourceDataEvent, SourceSpecification, VectorTileSource } from 'maplibre-gl';
import type { OverlayId, OverlayState } from '../live/overlays.svelte';

/** How long something of another moment may stand while what is wanted loads: then nothing is better. */
const BEHIND_MS = 700;
const FADED = 0.4;

/** What is to be laid. */
export interface Wanted {
  id: OverlayId;
  /** Of what exactly it is: another key is another source. */
  key: string;
  source: SourceSpecification;
  layers: (source: string) => LayerSpecification[];
  /** The layer of the style above it. */
  below: string;
}

interface Laid {
  key: string;
  source: string;
  layers: LayerSpecification[];
}

const OPACITIES: Readonly<Partial<Record<LayerSpecification['type'], readonly string[]>>> = {
  fill: ['fill-opacity'],
  line: ['line-opacity'],
  symbol: ['icon-opacity', 'text-opacity'],
};

export class Underlay {
  readonly #map: MapLibreMap;
  readonly #tell: (id: OverlayId, state: OverlayState) => void;
  readonly #laid = new Map<OverlayId, Laid>();
  readonly #coming = new Map<OverlayId, Laid & { timer: ReturnType<typeof setTimeout> }>();
  #count = 0;
  #strength = 1;

  constructor(map: MapLibreMap, tell: (id: OverlayId, state: OverlayState) => void) {
    this.#map = map;
    this.#tell = tell;
    map.on('sourcedata', this.#heard);
    map.on('idle', this.#settle);
    map.on('error', this.#failed);
  }

  /** Lays these and no others, in their order. */
  update(wanted: readonly Wanted[]): void {
    for (const id of [...this.#laid.keys(), ...this.#coming.keys()]) if (!wanted.some((one) => one.id === id)) this.#remove(id);
    for (const one of wanted) {
      if (this.#coming.get(one.id)?.key === one.key) continue;
      this.#dropComing(one.id);
      if (this.#laid.get(one.id)?.key === one.key) this.#tell(one.id, 'shown');
      else this.#begin(one);
    }
  }

  /** Asks again for the tiles in view; those that have not changed cost nothing, and the old ones stay until then. */
  refresh(): void {
    for (const [id, { source }] of this.#laid) {
      const found = this.#map.getSource<VectorTileSource>(source);
      if (found?.type !== 'vector') continue;
      this.#tell(id, 'shown');
      found.setTiles(found.tiles);
    }
  }

  /** While the connection is lost what is drawn is the past. */
  fade(how: 'clear' | 'faded'): void {
    this.#strength = how === 'clear' ? 1 : FADED;
    for (const laid of this.#laid.values()) this.#reveal(laid);
  }

  stop(): void {
    for (const { timer } of this.#coming.values()) clearTimeout(timer);
    this.#map.off('sourcedata', this.#heard);
    this.#map.off('idle', this.#settle);
    this.#map.off('error', this.#failed);
  }

  #begin({ id, key, source, layers, below }: Wanted): void {
    this.#count += 1;
    const name = `over-${id}-${this.#count}`;
    const specs = layers(name);
    this.#map.addSource(name, source);
    for (const spec of specs) this.#map.addLayer(unseen(spec), below);
    const timer = setTimeout(() => this.#dropLaid(id), BEHIND_MS);
    this.#coming.set(id, { key, source: name, layers: specs, timer });
    this.#tell(id, 'loading');
  }

  #heard = (event: MapSourceDataEvent): void => {
    if (event.tile && event.sourceId.startsWith('over-')) this.#settle();
  };

  #settle = (): void => {
    for (const [id, coming] of this.#coming) {
      if (!this.#map.isSourceLoaded(coming.source)) continue;
      clearTimeout(coming.timer);
      this.#coming.delete(id);
      this.#reveal(coming);
      this.#dropLaid(id);
      this.#laid.set(id, coming);
      this.#tell(id, 'shown');
    }
  };

  /** One tile that cannot be had makes the whole untrue: it goes, or waits for the next refresh when it was whole before. */
  #failed = (event: object): void => {
    const source = 'sourceId' in event ? event.sourceId : null;
    for (const [id, coming] of this.#coming) {
      if (coming.source !== source) continue;
      this.#remove(id);
      this.#tell(id, 'failed');
    }
    for (const [id, laid] of this.#laid) if (laid.source === source) this.#tell(id, 'failed');
  };

  #reveal({ layers }: Laid): void {
    for (const { id, type, paint } of layers) {
      for (const name of OPACITIES[type] ?? []) {
        const own: unknown = (paint as Record<string, unknown> | undefined)?.[name] ?? 1;
        this.#map.setPaintProperty(id, name as never, (typeof own === 'number' ? own * this.#strength : own) as never);
      }
    }
  }

  #remove(id: OverlayId): void {
    this.#dropComing(id);
    this.#dropLaid(id);
  }

  #dropComing(id: OverlayId): void {
    const coming = this.#coming.get(id);
    if (!coming) return;
    clearTimeout(coming.timer);
    this.#coming.delete(id);
    this.#takeUp(coming);
  }

  #dropLaid(id: OverlayId): void {
    const laid = this.#laid.get(id);
    if (!laid) return;
    this.#laid.delete(id);
    this.#takeUp(laid);
  }

  #takeUp({ source, layers }: Laid): void {
    for (const { id } of layers) this.#map.removeLayer(id);
    this.#map.removeSource(source);
  }
}

/** A layer that is loaded and not seen. */
function unseen(spec: LayerSpecification): LayerSpecification {
  const names = OPACITIES[spec.type] ?? [];
  const hidden = Object.fromEntries(names.flatMap((name) => [[name, 0], [`${name}-transition`, { duration: 0, delay: 0 }]]));
  return { ...spec, paint: { ...spec.paint, ...hidden } } as LayerSpecification;
}
