// The planner's question and its answer: the view in the address, what the server said to it, and who asks.
import { ApiError, ask, getJson } from '../api/client';
import { readIndices, type Index } from '../api/indices';
import { areasOf, readMe, readStations, type Me, type Station } from '../api/wire';
import { speech } from '../words/language.svelte';
import { readAnswer, type Answer } from './answer';
import { bucketCount } from './calendar';
import { listed } from './catalogue';
import { readCoverage, readPeriods, type Coverage, type Periods } from './coverage';
import { averageOf, averages } from './limits';
import type { Fn } from './functions';
import { communesQuestion, coverageQuestions, everyOf, isAsked, propertiesOf, question, readView, writeView, type Format, type View } from './view';

/** Several changes in a row (a date that is typed) are one question. */
const PAUSE_MS = 150;
/** Longer than the server takes for what it permits. */
const PATIENCE_MS = 60_000;
/** Buckets of all series that a page can hold and draw. */
export const BUCKETS_MAX = 40_000;
/** Longer addresses are not accepted, by servers on the way either: 64 KiB with what else a question carries. */
const PATH_MAX = 60_000;
/** Series of an answer about areas, for the estimate before it has come. */
const AREAS_GUESSED = 40;

export type Phase = 'idle' | 'reading' | 'ready' | 'failed' | 'too-many' | 'too-long';

/** An answer, and what it answers. */
export interface Answered {
  answer: Answer;
  view: View;
  /** Path and query at the API. */
  path: string;
  /** By this machine's clock. */
  at: number;
  /** Of a map: the same by commune; `null` where that says nothing. */
  communes: Answer | null;
}

/** How much of the forest is watched, and what that answers. */
export interface Covered {
  coverage: Coverage;
  periods: Periods;
  view: View;
  paths: { at: string; history: string };
  /** By this machine's clock. */
  at: number;
}

/** What changes what is shown of an answer, and nothing that is asked. */
const SHOWN_ONLY: readonly string[] = ['drawn', 'by'];

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
  covered = $state.raw<Covered | null>(null);

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
      // A map is of all stations that there are.
      if (this.view.what === 'map') this.#ask();
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
    if (Object.keys(part).every((name) => SHOWN_ONLY.includes(name))) {
      if (this.answered && this.phase === 'ready') this.answered = { ...this.answered, view: this.view };
      if (this.covered && this.phase === 'ready') this.covered = { ...this.covered, view: this.view };
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
    return question(this.view.what === 'map' ? { ...this.view, channels: this.mapped } : this.view, format, besides(this.view));
  }

  /** The channels of the map's property, at most one of a station. */
  get mapped(): string[] {
    return this.channels.filter(({ property }) => property === this.view.property).map(({ name }) => name).sort();
  }

  station(channel: string): Station | undefined {
    const id = channel.slice(0, channel.lastIndexOf('/'));
    return this.stations.find((station) => station.id === id);
  }

  get bucketsExpected(): number {
    if (this.view.what === 'map' || this.view.what === 'coverage') return 0;
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
      this.answered = this.covered = null;
      return;
    }
    if (this.view.what === 'map' && !this.loaded) {
      this.phase = 'reading';
      return;
    }
    if (this.bucketsExpected > BUCKETS_MAX) {
      this.phase = 'too-many';
      return;
    }
    if (this.view.what === 'map' && this.path('json').length > PATH_MAX) {
      this.phase = 'too-long';
      return;
    }
    const asking = new AbortController();
    this.#asking = asking;
    this.phase = 'reading';
    void this.#read(this.view, asking);
  }

  async #read(view: View, asking: AbortController): Promise<void> {
    try {
      if (view.what === 'coverage') await this.#readCoverage(view, asking.signal);
      else await this.#readAnswer(view, asking.signal);
      if (!asking.signal.aborted) this.phase = 'ready';
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

  async #readAnswer(view: View, signal: AbortSignal): Promise<void> {
    const path = this.path('json');
    const ofCommunes = view.what === 'map' ? communesQuestion(view) : null;
    const read = async (from: string): Promise<Answer> => readAnswer(await this.#json(from, signal));
    const [answer, communes] = await Promise.all([read(path), ofCommunes === null ? null : read(ofCommunes)]);
    if (signal.aborted) return;
    this.answered = { answer, view, path, at: Date.now(), communes };
    this.covered = null;
  }

  async #readCoverage(view: View, signal: AbortSignal): Promise<void> {
    const paths = coverageQuestions(view, Date.now());
    const [at, history] = await Promise.all([this.#json(paths.at, signal), this.#json(paths.history, signal)]);
    if (signal.aborted) return;
    this.covered = { coverage: readCoverage(at), periods: readPeriods(history), view, paths, at: Date.now() };
    this.answered = null;
  }

  async #json(path: string, signal: AbortSignal): Promise<unknown> {
    return (await ask(path, { headers: { accept: 'application/json' }, signal }, PATIENCE_MS)).json();
  }
}

export const planner = new Planner();
