// The phone: what it holds, what waits, and the line to the server. It shows what it held last at once, then asks.
import { ApiError, getJson } from '../api/client';
import { tongue } from '../words/tongue.svelte';
import { early, FIRST_BYTES, forgetEarly, noteCursor, syncPath } from './early';
import { taken, type Held } from './held';
import { freshKey, next, type Position, type Waiting } from './reports';
import { alone, drain, TAG, unlessSending } from './sender';
import { shelf } from './shelf';
import { readSync, type Action, type FieldAlert } from './wire';

/** Bytes of the answers after the first. */
const THEN_BYTES = 32_768;
/** Between two questions, with and without an answer to the one before. */
const EVERY_MS = 60_000;
const RETRY_MS = 15_000;
/** An answer on a network that hardly is one. */
const PATIENCE_MS = 60_000;

/** What a server said that was reached; what says nothing of the kind goes on as it was. */
function reached(error: unknown): string {
  if (error instanceof ApiError && error.status > 0 && error.status !== 401) return error.message;
  throw error;
}

/** Has the browser wake the worker when there is a network again, also when the page is closed; some can. */
function wakeLater(): void {
  const registered = navigator.serviceWorker?.controller ? navigator.serviceWorker.ready : null;
  const waking = registered?.then((registration) => (registration as { sync?: { register(tag: string): Promise<void> } }).sync?.register(TAG));
  waking?.catch(() => undefined);
}

export type Line = 'asking' | 'online' | 'offline';

class Phone {
  held = $state.raw<Held | null>(null);
  queue = $state.raw<readonly Waiting[]>([]);
  line = $state<Line>('asking');
  /** Why the server could not answer though it was reached; empty when it could. */
  trouble = $state('');
  /** It wants a sign-in. */
  stranger = $state(false);
  /** This account may not see alerts. */
  barred = $state(false);
  sending = $state(false);
  /** More of an answer is on its way. */
  loading = $state(false);
  /** What was on the phone is read. */
  ready = $state(false);
  now = $state(Date.now());
  #timers: ReturnType<typeof setInterval>[] = [];
  #due: ReturnType<typeof setTimeout> | undefined;
  #asking = false;
  #again = false;

  async start(): Promise<void> {
    this.#timers.push(setInterval(() => (this.now = Date.now()), 1000));
    addEventListener('online', this.#wake);
    addEventListener('offline', this.#lost);
    document.addEventListener('visibilitychange', this.#seen);
    navigator.serviceWorker?.addEventListener('message', this.#wake);
    // A phone that forbids storage shows alerts all the same.
    this.held = (await shelf.held().catch(() => undefined)) ?? null;
    this.queue = await shelf.queue().catch(() => []);
    this.ready = true;
    void navigator.storage?.persist?.().catch(() => false);
    await this.ask();
  }

  stop(): void {
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#due);
    removeEventListener('online', this.#wake);
    removeEventListener('offline', this.#lost);
    document.removeEventListener('visibilitychange', this.#seen);
    navigator.serviceWorker?.removeEventListener('message', this.#wake);
  }

  #wake = (): void => void this.ask();
  #lost = (): void => void (this.line = 'offline');
  #seen = (): void => {
    this.now = Date.now();
    if (document.visibilityState === 'visible') void this.ask();
  };

  /** Sends what waits, then asks what is new; one at a time, and again by itself. */
  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    this.#again = false;
    clearTimeout(this.#due);
    if (this.line !== 'online') this.line = 'asking';
    try {
      // A server that takes no reports now may still have news.
      const trouble = await this.#drain().then(() => '', reached);
      await this.#listen();
      this.line = 'online';
      this.trouble = trouble;
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#asking = false;
      this.loading = false;
      this.#due = setTimeout(() => void this.ask(), this.line === 'online' ? EVERY_MS : RETRY_MS);
    }
    // Something was said meanwhile, or it is known only now whose reports may go.
    if (this.#again && this.line === 'online' && !this.stranger) await this.ask();
  }

  #failed(error: unknown): void {
    const status = error instanceof ApiError ? error.status : -1;
    this.stranger = status === 401;
    this.barred = status === 403;
    this.line = this.stranger || this.barred ? 'online' : 'offline';
    this.trouble = status === 0 || this.line === 'online' ? '' : error instanceof Error ? error.message : String(error);
  }

  async #listen(): Promise<void> {
    let language = tongue.language;
    for (let first = true, more = true; more; first = false) {
      const path = syncPath(first ? FIRST_BYTES : THEN_BYTES, language, this.held?.cursor ?? null);
      const answer = readSync((await early(path)) ?? (await getJson(path, PATIENCE_MS)));
      this.now = Date.now();
      this.#again ||= this.held?.account !== answer.account;
      this.held = taken(this.held, answer, language, this.now);
      this.stranger = this.barred = false;
      this.loading = more = answer.more;
      // Storage that is full or forbidden must not keep the list from being shown.
      await shelf.hold(this.held).then(() => noteCursor(answer.cursor), () => noteCursor(null));
      if (language !== tongue.language) {
        language = tongue.language;
        more = true;
      }
    }
  }

  /** Queues a report; it is on the phone's storage when this resolves. */
  async report(alert: FieldAlert, action: Action, more: { note?: string; position?: Position | null; photo?: string | null } = {}): Promise<void> {
    const title = alert.text[tongue.language]?.title ?? alert.text.vi?.title ?? alert.text.en?.title ?? alert.id;
    const said = { note: '', position: null, photo: null, ...more };
    await shelf.add({ key: freshKey(), account: this.held?.account ?? '', alert: alert.id, title, action, at: Date.now(), refused: null, ...said });
    this.queue = await shelf.queue();
    this.#again = true;
    void this.ask();
    wakeLater();
  }

  /** Takes a report back that was not sent yet, or puts a refused one away. */
  async drop(place: number): Promise<'dropped' | 'too late'> {
    let was = false;
    await unlessSending(async () => {
      was = (await shelf.queue()).some((report) => report.place === place);
      await shelf.remove(place);
    });
    this.queue = await shelf.queue();
    return was ? 'dropped' : 'too late';
  }

  async #drain(): Promise<void> {
    this.queue = await shelf.queue().catch(() => this.queue);
    const account = this.held?.account;
    if (account === undefined || next(this.queue, account).length === 0) return;
    forgetEarly();
    this.sending = true;
    try {
      await alone(() => drain(account, (queue) => (this.queue = queue)));
    } finally {
      this.sending = false;
    }
  }

  /** Somebody signed out: the next one sees nothing of it. What waits stays, for its own account. */
  async forget(): Promise<void> {
    noteCursor(null);
    await shelf.letGo().catch(() => undefined);
    this.held = null;
    this.stranger = true;
  }
}

export const phone = new Phone();
