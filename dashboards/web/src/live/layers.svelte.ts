// The server's catalogue of map layers: asked for when somebody first looks at a layer or at the past.
import { getJson } from '../api/client';
import { readLayers, type MapLayer } from '../api/layers';

class Layers {
  all = $state.raw<ReadonlyMap<string, MapLayer>>(new Map());
  /** Why the catalogue is not known; null when it is, or was not asked for. */
  failure = $state<string | null>(null);
  #asking: Promise<void> | null = null;

  /** The first moment of which the stations can be shown; null while that is not known. */
  get begin(): number | null {
    return this.all.get('stations')?.from ?? null;
  }

  /** Asks once; again after a failure. */
  load(): Promise<void> {
    this.#asking ??= this.#ask();
    return this.#asking;
  }

  forget(): void {
    this.all = new Map();
    this.failure = null;
    this.#asking = null;
  }

  async #ask(): Promise<void> {
    try {
      this.all = new Map(readLayers(await getJson('/api/v1/layers')).map((layer) => [layer.id, layer]));
      this.failure = null;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      this.#asking = null;
    }
  }
}

export const layers = new Layers();
