// The tiles of grouped stations between the past, which wants those of a moment, and the map, which loads them beside what
// it shows: a moment is shown when they are in as well, so that map, lists and banner change at once.
import { ApiError } from '../api/client';

/** Longer than a tile of a past moment takes. */
const PATIENCE_MS = 20_000;

class Tiles {
  /** The moment whose tiles are to be loaded beside what is shown; null when there is none. */
  ahead = $state<number | null>(null);
  /** Whether a map draws them: without one there is nothing to wait for. */
  mapped = false;
  #waiting: { resolve: () => void; reject: (error: Error) => void; timer: ReturnType<typeof setTimeout> } | null = null;

  /** Loads the tiles of a moment. They wait, when they are in, until `rest`. */
  load(at: number): Promise<void> {
    this.rest();
    if (!this.mapped) return Promise.resolve();
    this.ahead = at;
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject, timer: setTimeout(() => this.#tire(), PATIENCE_MS) };
    });
  }

  /** The moment is shown, or nobody wants it any more. */
  rest(): void {
    this.ahead = null;
    this.failed(new ApiError(0, 'given_up', 'given up'));
  }

  arrived(): void {
    clearTimeout(this.#waiting?.timer);
    this.#waiting?.resolve();
    this.#waiting = null;
  }

  failed(error: Error): void {
    clearTimeout(this.#waiting?.timer);
    this.#waiting?.reject(error);
    this.#waiting = null;
  }

  /** The map is there, or is there no more. */
  map(there: boolean): void {
    this.mapped = there;
    if (!there) this.arrived();
  }

  /** A page that nobody sees draws nothing, and loads nothing to draw. */
  #tire(): void {
    if (this.#waiting && document.hidden) this.#waiting.timer = setTimeout(() => this.#tire(), PATIENCE_MS);
    else this.failed(new Error(`no answer within ${PATIENCE_MS / 1000} s`));
  }
}

export const tiles = new Tiles();
