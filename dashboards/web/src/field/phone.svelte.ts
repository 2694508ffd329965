// The phone: what it holds, what waits, and the line to the server. It shows what it held last at once, then asks.
import { ApiError, getJson } from '../api/client';
import { finishLeaving, isLeft, onLeft } from '../shell/leave';
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

/** A server was reached that wants no sign-in: it has only not this, now. */
const reached = (error: unknown): error is ApiError => error instanceof ApiError && error.status > 0 && error.status !== 401;

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
  /** Something was said while something was sent. */
  #said = false;
  /** Why the server took no reports though it was reached. */
  #unsent = '';
  /** Counts sign-outs: what was asked before one is nobody's. */
  #turn = 0;
  #deaf = (): void => undefined;

  async start(): Promise<void> {
    this.#timers.push(setInterval(() => (this.now = Date.now()), 1000));
    addEventListener('online', this.#wake);
    addEventListener('offline', this.#lost);
    document.addEventListener('visibilitychange', this.#seen);
    navigator.serviceWorker?.addEventListener('message', this.#wake);
    this.#deaf = onLeft(() => this.forget());
    // A phone that forbids storage shows alerts all the same.
    this.held = isLeft() ? null : ((await shelf.held().catch(() => undefined)) ?? null);
    this.queue = await shelf.queue().catch(() => []);
    this.ready = true;
    void navigator.storage?.persist?.().catch(() => false);
    await this.ask();
  }

  stop(): void {
    this.#timers.forEach(clearInterval);
    clearTimeout(this.#due);
    this.#deaf();
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

  /** Asks what is new, then sends what waits; one at a time, and again by itself. */
  async ask(): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    this.#again = false;
    clearTimeout(this.#due);
    if (this.line !== 'online') this.line = 'asking';
    try {
      this.queue = await shelf.queue().catch(() => this.queue);
      if (isLeft()) await finishLeaving();
      await this.#listen();
      this.line = 'online';
      this.trouble = this.#unsent;
      void this.#send();
    } catch (error) {
      this.#failed(error);
      // A server that has no news now may still take reports.
      if (reached(error) && !this.barred) void this.#send();
    } finally {
      this.#asking = false;
      this.loading = false;
      this.#later();
    }
    // Something was said meanwhile, or it is known only now whose reports may go.
    if (this.#again && this.line === 'online' && !this.stranger) await this.ask();
  }

  #later(): void {
    clearTimeout(this.#due);
    this.#due = setTimeout(() => void this.ask(), this.line === 'online' ? EVERY_MS : RETRY_MS);
  }

  #failed(error: unknown): void {
    const status = error instanceof ApiError ? error.status : -1;
    // What is held stays under the door: a session that ran out in the forest must not take the list away.
    this.stranger = status === 401 || isLeft();
    this.barred = status === 403;
    this.line = status === 401 || this.barred ? 'online' : 'offline';
    this.trouble = status === 0 || this.line === 'online' ? '' : error instanceof Error ? error.message : String(error);
  }

  async #listen(): Promise<void> {
    let language = tongue.language;
    const turn = this.#turn;
    for (let first = true, more = true; more; first = false) {
      const path = syncPath(first ? FIRST_BYTES : THEN_BYTES, language, this.held?.cursor ?? null);
      const answer = readSync((await early(path)) ?? (await getJson(path, PATIENCE_MS)));
      if (turn !== this.#turn) return;
      this.now = Date.now();
      this.#again ||= this.held?.account !== answer.account;
      this.held = taken(this.held, answer, language, this.now);
      this.stranger = this.barred = false;
      this.loading = more = answer.more;
      // Storage that is full or forbidden must not keep the list from being shown.
      await shelf.hold(this.held).then(() => answer.cursor, () => null).then((cursor) => turn === this.#turn && noteCursor(cursor));
      if (turn !== this.#turn) return;
      if (language !== tongue.language) {
        language = tongue.language;
        more = true;
      }
    }
  }

  /** Queues a report; it is on the phone's storage when this resolves. */
  async report(alert: FieldAlert, action: Action, more: { note?: string; position?: Position | null; photo?: string | null } = {}): Promise<void> {
    const title = alert.text[tongue.language]?.title ?? alert.text.vi?.title ?? alert.text.en?.title ?? alert.id;
    const said = { note: '', position: null, photo: null, seen: alert.seen, ...more };
    await shelf.add({ key: freshKey(), account: this.held?.account ?? '', alert: alert.id, title, action, at: Date.now(), refused: null, ...said });
    this.queue = await shelf.queue();
    this.#said = this.#again = true;
    void this.ask();
    wakeLater();
  }

  /** Takes a report back that was not sent yet, or puts a refused one away. */
  async drop(place: number): Promise<'dropped' | 'too late'> {
    let was = false;
    await unlessSending(async () => {
      was = (await shelf.queue()).some((report) => report.place === place && this.mayDrop(report));
      if (was) await shelf.remove(place);
    });
    this.queue = await shelf.queue();
    return was ? 'dropped' : 'too late';
  }

  isMine(report: Waiting): boolean {
    return report.account === this.held?.account;
  }

  /** What was tried may be at the server already; and nobody takes back what another said. */
  mayDrop(report: Waiting): boolean {
    return this.isMine(report) && (report.tried !== true || report.refused !== null);
  }

  /** Sends what was refused once more, the same under the same key. */
  async again(report: Waiting): Promise<void> {
    if (this.isMine(report)) await shelf.put({ ...$state.snapshot(report), refused: null });
    await this.ask();
  }

  /** Sends what waits, beside asking: an upload that takes minutes, or never gets through, holds up no alert. */
  async #send(): Promise<void> {
    const account = this.held?.account;
    if (this.sending || account === undefined || next(this.queue, account).length === 0) return;
    this.sending = true;
    this.#said = false;
    let arrived = false;
    const noted = (queue: readonly Waiting[]): void => {
      arrived ||= this.queue.some(({ place }) => !queue.some((report) => report.place === place));
      this.queue = queue;
    };
    try {
      await alone(() => drain(account, noted));
      this.#unsent = '';
    } catch (error) {
      this.#said = false;
      if (reached(error)) this.#unsent = this.trouble = error.message;
      else {
        this.#failed(error);
        this.#later();
      }
    } finally {
      this.sending = false;
    }
    if (!arrived && !this.#said) return;
    this.#again = true;
    await this.ask();
  }

  /** Somebody signed out, here or on another page: the next one sees nothing of it. What waits stays, for its own account. */
  forget(): void {
    this.#turn += 1;
    forgetEarly();
    this.held = null;
    this.stranger = true;
  }
}

export const phone = new Phone();
