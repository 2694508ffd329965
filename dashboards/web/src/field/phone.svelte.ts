// The phone: what it holds, what waits, and the line to the server. It shows what it held last at once, then asks.
import { ask, ApiError, getJson } from '../api/client';
import { tongue } from '../words/tongue.svelte';
import { early, FIRST_BYTES, forgetEarly, noteCursor, syncPath } from './early';
import { taken, type Held } from './held';
import { body, fate, freshKey, isFinal, next, type Position, type Waiting } from './reports';
import { shelf } from './shelf';
import { readResults, readSync, type Action, type FieldAlert } from './wire';

/** Bytes of the answers after the first. */
const THEN_BYTES = 32_768;
/** Between two questions, with and without an answer to the one before. */
const EVERY_MS = 60_000;
const RETRY_MS = 15_000;
/** A photo at 50 kbit/s takes its time. */
const PATIENCE_MS = 60_000;
const SENDING_PATIENCE_MS = 200_000;

/** What a server said that was reached; what says nothing of the kind goes on as it was. */
function reached(error: unknown): string {
  if (error instanceof ApiError && error.status > 0 && error.status !== 401) return error.message;
  throw error;
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
  }

  /** Takes a report back that was not sent yet, or puts a refused one away. */
  async drop(place: number): Promise<void> {
    await shelf.remove(place);
    this.queue = await shelf.queue();
  }

  async #drain(): Promise<void> {
    if (this.sending) return;
    this.queue = await shelf.queue().catch(() => this.queue);
    const account = this.held?.account;
    if (account === undefined) return;
    this.sending = next(this.queue, account).length > 0;
    if (this.sending) forgetEarly();
    try {
      for (let batch = next(this.queue, account); batch.length > 0; batch = next(this.queue, account)) {
        const arrived = await this.#send(batch, account);
        this.queue = await shelf.queue();
        if (!arrived) break;
      }
    } finally {
      this.sending = false;
    }
  }

  /** Whether the queue got shorter. */
  async #send(batch: readonly Waiting[], account: string): Promise<boolean> {
    const json = JSON.stringify({ account, reports: batch.map(body) });
    let results;
    try {
      const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: json };
      const response = await ask('/api/v1/field/reports', init, SENDING_PATIENCE_MS);
      results = readResults(await response.json());
    } catch (error) {
      // Another account has signed in meanwhile: what is whose shows with its first answer.
      if (error instanceof ApiError && error.status === 409) return false;
      if (!(error instanceof ApiError) || !isFinal(error.status)) throw error;
      const [only, ...others] = batch;
      // One of several may be at fault: each for itself then.
      if (others.length > 0) {
        for (const report of batch) if (!(await this.#send([report], account))) return false;
        return true;
      }
      if (only) await shelf.put({ ...only, refused: { code: error.code, reason: error.message } });
      return true;
    }
    let waits = false;
    for (const report of batch) {
      const { fate: end, code, reason } = fate(report, results);
      if (end === 'arrived') await shelf.remove(report.place);
      else if (end === 'refused') await shelf.put({ ...report, refused: { code, reason } });
      else waits = true;
    }
    return !waits;
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
