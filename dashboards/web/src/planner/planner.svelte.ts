// The planner's question and its answer: the view in the address, what the server said to it, and who asks.
import { ApiError, ask, getJson } from '../api/client';
import { readIndices, type Index } from '../api/indices';
import { areasOf, readMe, readStations, type Me, type Station } from '../api/wire';
import { speech } from '../words/language.svelte';
import { readAnswer, type Answer } from './answer';
import { bucketCount } from './calendar';
import { listed } from './catalogue';
import { averageOf, averages } from './limits';
import type { Fn } from './functions';
import { everyOf, isAsked, propertiesOf, question, readView, writeView, type Format, type View } from './view';

/** Several changes in a row (a date that is typed) are one question. */
const PAUSE_MS = 150;
/** Longer than the server takes for what it permits. */
const PATIENCE_MS = 60_000;
/** Buckets of all series that a page can hold and draw. */
export const BUCKETS_MAX = 40_000;
/** Series of an answer about areas, for the estimate before it has come. */
const AREAS_GUESSED = 40;

export type Phase = 'idle' | 'reading' | 'ready' | 'failed' | 'too-many';

/** An answer, and what it answers. */
export interface Answered {
  answer: Answer;
  view: View;
  /** Path and query at the API. */
  path: string;
  /** By this machine's clock. */
  at: number;
}

/** Functions that judging by legal limits needs besides what is drawn. */
function besides(view: View): Fn[] {
  const average = averageOf(everyOf(view));
  const isJudged = view.what === 'channels' && average !== null && propertiesOf(view).some((property) => averages(property).includes(average));
  return isJudged ? ['mean'] : [];
}

class Planner {
  /** `undefined` until the server has said who asks, `null` when it wants a sign-in. */
  me = $state<Me | null | undefined>(undefined);
  /** Why the page could not begin. */
  trouble = $state<string | null>(null);
  stations = $state.raw<readonly Station[]>([]);
  indices = $state.raw<readonly Index[]>([]);
  loaded = $state(false);
  view = $state.raw<View>(readView(location.search, Date.now()));
  phase = $state<Phase>('idle');
  failure = $state.raw<ApiError | null>(null);
  answered = $state.raw<Answered | null>(null);

  readonly channels = $derived(listed(this.stations, this.indices));
  /** Others have no history. */
  readonly areas = $derived(areasOf(this.stations, speech.language));

  #timer: ReturnType<typeof setTimeout> | undefined;
  #asking: AbortController | undefined;

  async start(): Promise<void> {
    this.trouble = null;
    try {
      this.me = readMe(await getJson('/api/v1/me'));
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.me = null;
      else this.trouble = error instanceof Error ? error.message : String(error);
      return;
    }
    window.addEventListener('popstate', this.#back);
    this.#ask();
    try {
      const [stations, indices] = await Promise.all([this.#everyStation(), getJson('/api/v1/indices').catch(() => ({}))]);
      this.indices = readIndices(indices);
      this.stations = stations;
      this.loaded = true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.me = null;
      else this.trouble = error instanceof Error ? error.message : String(error);
    }
  }

  stop(): void {
    window.removeEventListener('popstate', this.#back);
    clearTimeout(this.#timer);
    this.#asking?.abort();
  }

  /** Another question. The address follows, so that it always leads back here. */
  change(part: Partial<View>): void {
    this.view = { ...this.view, ...part };
    const is = writeView(this.view);
    const isStep = 'channels' in part || 'period' in part || 'what' in part || 'property' in part;
    if (isStep) history.pushState(null, '', is);
    else history.replaceState(null, '', is);
    // Which areas are drawn is nothing to ask about: the answer has all of them.
    if (Object.keys(part).every((name) => name === 'drawn')) {
      if (this.answered && this.phase === 'ready') this.answered = { ...this.answered, view: this.view };
      return;
    }
    clearTimeout(this.#timer);
    this.#asking?.abort();
    if (isAsked(this.view)) this.phase = 'reading';
    this.#timer = setTimeout(() => this.#ask(), PAUSE_MS);
  }

  again(): void {
    this.#ask();
  }

  /** The same question in another format. */
  path(format: Format): string {
    return question(this.view, format, besides(this.view));
  }

  station(channel: string): Station | undefined {
    const id = channel.slice(0, channel.lastIndexOf('/'));
    return this.stations.find((station) => station.id === id);
  }

  get bucketsExpected(): number {
    const series = this.view.what === 'areas' ? (this.view.level === 'province' ? 1 : this.view.area === '' ? AREAS_GUESSED : 1) : this.view.channels.length;
    return bucketCount(this.view.period, everyOf(this.view)) * series;
  }

  readonly #back = (): void => {
    this.view = readView(location.search, Date.now());
    this.#ask();
  };

  async #everyStation(): Promise<Station[]> {
    const found: Station[] = [];
    let next: string | null = '';
    while (next !== null) {
      const page: unknown = await getJson(`/api/v1/stations?limit=10000${next === '' ? '' : `&next=${encodeURIComponent(next)}`}`);
      found.push(...readStations(page));
      const following: unknown = (page as { next?: unknown }).next;
      next = typeof following === 'string' ? following : null;
    }
    return found;
  }

  #ask(): void {
    clearTimeout(this.#timer);
    this.#asking?.abort();
    this.failure = null;
    if (!isAsked(this.view)) {
      this.phase = 'idle';
      this.answered = null;
      return;
    }
    if (this.bucketsExpected > BUCKETS_MAX) {
      this.phase = 'too-many';
      return;
    }
    const asking = new AbortController();
    this.#asking = asking;
    this.phase = 'reading';
    void this.#read(this.view, this.path('json'), asking);
  }

  async #read(view: View, path: string, asking: AbortController): Promise<void> {
    try {
      const response = await ask(path, { headers: { accept: 'application/json' }, signal: asking.signal }, PATIENCE_MS);
      const answer = readAnswer(await response.json());
      if (asking.signal.aborted) return;
      this.answered = { answer, view, path, at: Date.now() };
      this.phase = 'ready';
    } catch (error) {
      if (asking.signal.aborted) return;
      if (error instanceof ApiError && error.status === 401) {
        this.me = null;
        return;
      }
      this.failure = error instanceof ApiError ? error : new ApiError(0, 'unreachable', error instanceof Error ? error.message : String(error));
      this.phase = 'failed';
    }
  }
}

export const planner = new Planner();
