// Moving through the past: which moment is wanted, how it is loaded, and the player. The present goes on underneath.
//
// A moment is shown when all of it has come, its tiles too where stations are grouped, and it is still the one that is
// wanted: never an older answer after a newer wish. Until then what was shown before stays, and says of when it is.
import { ApiError, ask } from '../api/client';
import { readIncidents } from '../api/incidents';
import { instant, object } from '../api/json';
import { readAlerts, readStations, type Alert, type Station } from '../api/wire';
import { isOpen } from '../alerts/order';
import { remember, remembered } from '../shell/remembered';
import { clock } from './clock.svelte';
import { crowd } from './crowd.svelte';
import { AHEAD_MAX, Frames } from './frames';
import { layers } from './layers.svelte';
import { picture } from './picture.svelte';
import { selection } from './selection.svelte';
import { shown, type Frame } from './shown.svelte';
import { atWords, ends, following, stepped, type StepMin } from './steps';
import { tiles } from './tiles.svelte';
import { whyNot, whyUnmapped, type Why } from './why';

/** Steps a second that are offered. */
export const PACES = [1, 2, 4] as const;
export type Pace = (typeof PACES)[number];

/** While the slider is dragged not every moment on its way is asked for. */
const SETTLE_MS = 150;
/** When a store that lags is asked again. */
const RETRY_MS = 5_000;
/** How long the player waits for what lies below the stations, and how often it looks. */
const DRAWN_MAX_MS = 5_000;
const LOOK_MS = 50;
const ALERTS_MAX = 10_000;

async function read(path: string, signal: AbortSignal): Promise<unknown> {
  const response = await ask(path, { headers: { accept: 'application/json, application/geo+json' }, signal });
  return (await response.json()) as unknown;
}

/** Null for those who may not see alerts. */
async function readIfAllowed(path: string, signal: AbortSignal): Promise<unknown> {
  try {
    return await read(path, signal);
  } catch (error) {
    if (error instanceof ApiError && error.status === 403) return null;
    throw error;
  }
}

/** Degrees around a station's place: nothing else need be told. */
const NEAR = 0.0005;

/**
 * A station as it was then; null when it was not there. It is looked for where it stands now, and `undefined` is the answer
 * where that is not known.
 */
async function stationThen(id: string, at: number, signal: AbortSignal): Promise<Station | null | undefined> {
  const place = picture.presentPlace(id);
  if (!place) return undefined;
  const box = [place.lon - NEAR, place.lat - NEAR, place.lon + NEAR, place.lat + NEAR].map((degrees) => degrees.toFixed(6)).join();
  const layer = await read(`/api/v1/layers/stations?at=${atWords(at)}&bbox=${box}`, signal);
  return readStations(layer).find((station) => station.id === id) ?? null;
}

async function load(at: number, signal: AbortSignal): Promise<Frame> {
  const when = `at=${atWords(at)}`;
  // Grouping may begin or end before the answer comes.
  const grouped = crowd.on;
  const open = grouped ? selection.id : null;
  // Where stations are grouped the map has them from tiles of that moment, and nobody counts or lists them.
  const [layer, then, alerts, incidents] = await Promise.all([
    read(`/api/v1/layers/${grouped ? 'incidents' : 'stations'}?${when}`, signal),
    open === null ? undefined : stationThen(open, at, signal),
    readIfAllowed(`/api/v1/alerts?state=open&limit=${ALERTS_MAX}&${when}`, signal),
    readIfAllowed(`/api/v1/incidents?state=open&limit=1000&${when}`, signal),
  ]);
  return {
    at,
    grouped,
    stations: new Map((grouped ? (then ? [then] : []) : readStations(layer)).map((station) => [station.id, station])),
    asked: new Set(open === null || then === undefined ? [] : [open]),
    alerts: new Map(readAlerts(alerts).map((alert) => [alert.id, alert])),
    incidents: new Map(readIncidents(incidents).map((incident) => [incident.id, incident])),
    alertsForbidden: alerts === null,
    alertsKnownSince: instant(object(layer).alerts_known_since),
  };
}

const isGivenUp = (error: unknown): boolean => error instanceof ApiError && error.code === 'given_up';

class Past {
  /** Whether the bar is open. */
  open = $state(false);
  /** The moment that somebody wants to see; null is now. */
  wanted = $state<number | null>(null);
  failure = $state.raw<{ at: number; why: Why } | null>(null);
  playing = $state(false);
  stepMin = $state<StepMin>(Number(remembered('time-step', ['15', '5', '60'])) as StepMin);
  pace = $state<Pace>(Number(remembered('time-pace', ['2', '1', '4'])) as Pace);
  /** Alerts that were open when the present was left. */
  #known = $state.raw<ReadonlySet<string>>(new Set());
  #frames = new Frames(load, () => Date.now());
  #timer: ReturnType<typeof setTimeout> | undefined;
  #telling = new AbortController();

  /** Whether a moment is under way that is not shown yet. */
  get loading(): boolean {
    return this.wanted !== null && this.wanted !== shown.frame?.at && this.failure === null;
  }

  /** Alerts that are open now and were not when the present was left. */
  readonly news: readonly Alert[] = $derived.by(() =>
    shown.frame === null ? [] : picture.presentAlerts.filter((alert) => isOpen(alert) && !this.#known.has(alert.id)),
  );

  toggle(): void {
    if (this.open) this.close();
    else {
      this.open = true;
      void layers.load();
    }
  }

  /** The bar goes, and the past with it: nobody shall look at the past without its bar. */
  close(): void {
    this.open = false;
    this.present();
  }

  present(): void {
    clearTimeout(this.#timer);
    this.playing = false;
    this.wanted = null;
    this.failure = null;
    shown.frame = null;
    shown.busy = false;
    tiles.rest();
    this.#telling.abort();
    this.#telling = new AbortController();
    this.#frames.rest();
  }

  /** Shows a moment; null is now. */
  go(at: number | null): void {
    this.playing = false;
    this.#go(at, 0);
  }

  /** The same while the slider moves. */
  slide(at: number | null): void {
    this.playing = false;
    this.#go(at, SETTLE_MS);
  }

  step(by: 1 | -1): void {
    this.open = true;
    this.go(stepped(this.wanted, by, clock.now, this.stepMin));
  }

  /** From the wanted moment on; from the beginning when that is now. */
  async play(): Promise<void> {
    this.open = true;
    this.playing = true;
    await layers.load();
    if (!this.playing) return;
    const { oldest } = ends(clock.now, this.stepMin);
    const { begin } = layers;
    const first = begin === null || begin <= oldest ? oldest : stepped(begin - 1, 1, clock.now, this.stepMin);
    const from = this.wanted ?? first;
    if (from === null) this.playing = false;
    else this.#go(from, 0);
  }

  pause(): void {
    this.playing = false;
  }

  useStep(stepMin: StepMin): void {
    this.stepMin = stepMin;
    remember('time-step', String(stepMin));
  }

  usePace(pace: Pace): void {
    this.pace = pace;
    remember('time-pace', String(pace));
  }

  /** After signing out. */
  forget(): void {
    this.close();
    this.#frames.forget();
  }

  /** Where stations are grouped, asks for one of them as it was at the moment that is shown. */
  async tell(id: string): Promise<void> {
    const { frame } = shown;
    if (!frame?.grouped || frame.asked.has(id)) return;
    try {
      const then = await stationThen(id, frame.at, this.#telling.signal);
      if (then === undefined || shown.frame?.at !== frame.at || !shown.frame.grouped) return;
      const stations = new Map(shown.frame.stations);
      if (then) stations.set(id, then);
      shown.frame = { ...shown.frame, stations, asked: new Set(shown.frame.asked).add(id) };
    } catch {
      // It is asked for again while somebody looks at it.
    }
  }

  /** Grouping began or ended: what was loaded has the stations, or has not, as it was before. */
  regroup(): void {
    this.#frames.forget();
    if (this.wanted !== null) this.#go(this.wanted, 0);
  }

  #go(at: number | null, afterMs: number): void {
    clearTimeout(this.#timer);
    if (at === null) return this.present();
    this.wanted = at;
    this.failure = null;
    tiles.rest();
    if (afterMs === 0) void this.#load(at);
    else this.#timer = setTimeout(() => void this.#load(at), afterMs);
  }

  async #load(at: number): Promise<void> {
    // Where the record begins; without the catalogue the server has the word.
    await layers.load();
    if (this.wanted !== at) return;
    const { begin } = layers;
    if (begin !== null && at < begin) return this.#fail(at, { kind: 'before', begin });
    const ahead = this.playing ? following(at, clock.now, this.stepMin, AHEAD_MAX) : [];
    try {
      const frame = await this.#frames.want(at, ahead);
      if (this.wanted !== at) return;
      if (frame.grouped && !(await this.#mapped(at))) return;
      if (this.wanted === at) this.#show(frame);
    } catch (error) {
      if (this.wanted === at && !isGivenUp(error)) this.#fail(at, whyNot(error));
    }
  }

  /** Whether the map has the tiles of a moment ready. */
  async #mapped(at: number): Promise<boolean> {
    try {
      await tiles.load(at);
      return true;
    } catch (error) {
      if (this.wanted === at && !isGivenUp(error)) this.#fail(at, whyUnmapped(error));
      return false;
    }
  }

  #fail(at: number, why: Why): void {
    this.playing = false;
    this.failure = { at, why };
    tiles.rest();
    if (why.kind === 'lags') this.#timer = setTimeout(() => this.#go(at, 0), RETRY_MS);
  }

  #show(frame: Frame): void {
    if (shown.frame === null) this.#known = new Set(picture.presentAlerts.filter(isOpen).map(({ id }) => id));
    shown.frame = frame;
    tiles.rest();
    this.failure = null;
    if (this.playing) this.#next(frame.at, performance.now());
  }

  /** The next step of the player: after its pace, and when all of this moment is drawn. */
  #next(at: number, since: number): void {
    clearTimeout(this.#timer);
    const waited = performance.now() - since;
    const pause = Math.max(1000 / this.pace - waited, LOOK_MS);
    this.#timer = setTimeout(() => {
      if (!this.playing || this.wanted !== at) return;
      if (shown.busy && performance.now() - since < DRAWN_MAX_MS) return this.#next(at, since);
      this.#go(stepped(at, 1, clock.now, this.stepMin), 0);
    }, pause);
  }
}

export const past = new Past();
