// Pictures of past moments as they are asked for: kept for a while, fetched ahead a few at a time, and given up as soon as
// nobody wants them any more.

/** Frames kept; the longest unused goes first. */
const KEPT_MAX = 24;
/** Late data may change the past: a frame that is older is asked for again. */
const KEPT_MS = 60_000;
/** Frames fetched ahead of the one that is wanted. */
export const AHEAD_MAX = 3;

export class Frames<T> {
  readonly #load: (at: number, signal: AbortSignal) => Promise<T>;
  readonly #clock: () => number;
  readonly #kept = new Map<number, { frame: T; since: number }>();
  readonly #underway = new Map<number, { frame: Promise<T>; stop: AbortController }>();
  #ahead: readonly number[] = [];

  constructor(load: (at: number, signal: AbortSignal) => Promise<T>, clock: () => number) {
    this.#load = load;
    this.#clock = clock;
  }

  /** The frame of a moment. Those of `ahead` are fetched after it, one after the other; what is neither is given up. */
  want(at: number, ahead: readonly number[] = []): Promise<T> {
    this.#ahead = ahead.slice(0, AHEAD_MAX);
    for (const [moment, { stop }] of this.#underway) if (moment !== at && !this.#ahead.includes(moment)) this.#giveUp(moment, stop);
    const wanted = this.#one(at);
    wanted.then(() => this.#fetchAhead(), () => undefined);
    return wanted;
  }

  /** Nothing is wanted any more; what is kept stays. */
  rest(): void {
    this.#ahead = [];
    for (const [moment, { stop }] of this.#underway) this.#giveUp(moment, stop);
  }

  /** After signing out. */
  forget(): void {
    this.rest();
    this.#kept.clear();
  }

  #giveUp(at: number, stop: AbortController): void {
    this.#underway.delete(at);
    stop.abort();
  }

  #known(at: number): T | undefined {
    const found = this.#kept.get(at);
    this.#kept.delete(at);
    if (!found || this.#clock() - found.since > KEPT_MS) return undefined;
    this.#kept.set(at, found);
    return found.frame;
  }

  #one(at: number): Promise<T> {
    const known = this.#known(at);
    if (known !== undefined) return Promise.resolve(known);
    const begun = this.#underway.get(at);
    if (begun) return begun.frame;
    const stop = new AbortController();
    const frame = this.#load(at, stop.signal).then(
      (loaded) => {
        this.#end(at, stop);
        if (!stop.signal.aborted) this.#keep(at, loaded);
        return loaded;
      },
      (error: unknown) => {
        this.#end(at, stop);
        throw error;
      },
    );
    this.#underway.set(at, { frame, stop });
    return frame;
  }

  /** One that was given up may have been begun anew meanwhile. */
  #end(at: number, stop: AbortController): void {
    if (this.#underway.get(at)?.stop === stop) this.#underway.delete(at);
  }

  #keep(at: number, frame: T): void {
    this.#kept.set(at, { frame, since: this.#clock() });
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(oldest);
    }
  }

  #fetchAhead(): void {
    const next = this.#ahead.find((at) => !this.#kept.has(at));
    if (next === undefined || this.#underway.size > 0) return;
    // One that fails is asked for again when it is wanted itself.
    this.#one(next).then(() => this.#fetchAhead(), () => undefined);
  }
}
