// A province of more stations than a page can hold: the server counts and lists them and draws them as tiles, and the
// page keeps those alone that somebody looks at. Below the limit, and unless somebody wants it otherwise, this stands by.
import { ApiError, getJson } from '../api/client';
import { readOverview, type Overview } from '../api/overview';
import { readStation } from '../api/wire';
import { remember, remembered } from '../shell/remembered';
import { clock } from './clock.svelte';
import { connection } from './connection.svelte';
import { picture } from './picture.svelte';

/**
 * Beyond so many stations they are grouped. Drawn one by one without a graphics card, 200 reporting a second, 1,000 leave
 * the map its frames, 2,000 two thirds and 3,000 a quarter of them (`make bench-page`).
 */
export const WHOLE_MAX = 1_000;
/** How often the server is asked whether anything looks different. */
const LOOK_MS = 5_000;
/** Tiles that were not confirmed for so long are no longer shown as current. */
const CONFIRMED_WITHIN_MS = 30_000;

export const GROUPINGS = ['auto', 'always'] as const;
export type Grouping = (typeof GROUPINGS)[number];

class Crowd {
  /** Whether stations are grouped. */
  on = $state(false);
  /** What somebody at this device wants. */
  grouping = $state<Grouping>(remembered('grouping', GROUPINGS));
  overview = $state.raw<Overview | null>(null);
  /** When tiles last were what the server had, or were first asked for (server's clock). */
  confirmedAt = $state(0);
  /** A station that was asked for and is not there. */
  missing = $state<string | null>(null);
  /** Which stations are chosen, as the server is asked. */
  #query = '';
  /** What was told of a question that failed. */
  #said: string | null = null;
  #timer: ReturnType<typeof setInterval> | undefined;
  #asking = 0;
  #fetching = new Set<string>();

  /** Asks how things stand; whether stations are to be grouped follows from it. */
  async look(): Promise<void> {
    this.#asking += 1;
    const mine = this.#asking;
    const overview = readOverview(await getJson(`/api/v1/overview${this.#query === '' ? '' : `?${this.#query}`}`));
    if (mine === this.#asking) this.overview = overview;
  }

  /** Whether stations are to be grouped, by what is known and wanted. */
  get wanted(): boolean {
    return this.grouping === 'always' || (this.overview?.stations ?? 0) > WHOLE_MAX;
  }

  /** Begins or ends grouping. */
  turn(on: boolean): void {
    this.on = on;
    this.confirmedAt = on ? clock.now : 0;
    clearInterval(this.#timer);
    if (on) this.#timer = setInterval(() => void this.again(), LOOK_MS);
  }

  choose(grouping: Grouping): void {
    this.grouping = grouping;
    remember('grouping', grouping);
  }

  /** Other stations are chosen. */
  narrow(query: string): void {
    if (query === this.#query) return;
    this.#query = query;
    void this.again();
  }

  /** Asks anew; what could not be asked is told as what could not be loaded. */
  async again(): Promise<void> {
    if (!this.on || connection.phase !== 'open') return;
    try {
      await this.look();
      // What others could not load is theirs to take back.
      if (this.#said !== null && connection.loadFailure === this.#said) connection.loadFailure = null;
      this.#said = null;
    } catch (error) {
      if (connection.loadFailure !== null) return;
      this.#said = error instanceof Error ? error.message : String(error);
      connection.loadFailure = this.#said;
    }
  }

  /** The tiles on the screen are not older than this moment of the server. */
  confirm(at: number): void {
    this.confirmedAt = at;
  }

  /** Whether what is drawn may pass for the present. Before the stream has opened once, that is what was just asked for. */
  get current(): boolean {
    return (connection.current || connection.phase === 'connecting') && clock.now - this.confirmedAt < CONFIRMED_WITHIN_MS;
  }

  /** Asks for a station by itself. Without an answer what is known of it grows old by itself. */
  async fetch(id: string): Promise<void> {
    if (this.#fetching.has(id)) return;
    this.#fetching.add(id);
    try {
      const station = readStation(await getJson(`/api/v1/stations/${encodeURIComponent(id)}`));
      if (station && this.on) picture.keep(station);
      if (this.missing === id) this.missing = null;
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.missing = id;
    } finally {
      this.#fetching.delete(id);
    }
  }

  forget(): void {
    this.turn(false);
    this.#asking += 1;
    this.overview = null;
    this.missing = null;
  }
}

export const crowd = new Crowd();
