// The server's events, kept open. After a network error the browser reconnects by itself and goes on where it was
// (Last-Event-ID). When it gives up, or when the connection is open but dead, this opens a new one behind the last event
// that was heard; without one its owner must load everything anew.
import { answers } from './client';

export interface StreamEvents {
  /** `resumed` says that the browser reconnected by itself and the server goes on where it stopped. */
  opened(how: 'new' | 'resumed'): void;
  broken(): void;
  change(body: unknown): void;
  alert(body: unknown): void;
  incident(body: unknown): void;
  heartbeat(body: unknown): void;
  resync(): void;
}

/** How often the line is looked at. */
const LOOK_MS = 500;
/** After so long without an event the server is asked whether it is there: a cut cable closes no socket. */
const ASK_AFTER_MS = 1_500;
/** With the two above, a dead line is seen within 4 s. */
const ANSWER_WITHIN_MS = 2_000;
/** Silence after which an open connection to a server that answers counts as dead: more than two heartbeats. */
const DEAD_AFTER_MS = 25_000;
/** A new connection that is not open by then is given up, if the server answers. */
const OPEN_WITHIN_MS = 8_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 15_000;

export class Stream {
  #source: EventSource | null = null;
  #retryMs = RETRY_FIRST_MS;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #look: ReturnType<typeof setInterval> | undefined;
  #lastSign = 0;
  #lastAnswer = 0;
  #connectingSince = 0;
  #asking = false;
  #lost = false;
  /** Identifier of the last event: where a new connection goes on. */
  #lastId = '';

  constructor(
    /** Asked for at every connection: what is wanted of it may change between two. */
    private readonly path: () => string,
    private readonly events: StreamEvents,
  ) {}

  /** From the beginning: whoever starts it loads everything when it is open. */
  start(): void {
    this.#lastId = '';
    this.#lost = false;
    clearInterval(this.#look);
    this.#look = setInterval(() => void this.#watch(), LOOK_MS);
    this.#open();
  }

  stop(): void {
    clearInterval(this.#look);
    this.#close();
  }

  #close(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#source?.close();
    this.#source = null;
  }

  #open(): void {
    this.#close();
    const resumes = this.#lastId !== '';
    let before = resumes;
    const path = this.path();
    const resumption = `${path.includes('?') ? '&' : '?'}${new URLSearchParams({ last_event_id: this.#lastId }).toString()}`;
    const source = new EventSource(resumes ? path + resumption : path);
    this.#source = source;
    this.#lastSign = Date.now();
    this.#connectingSince = Date.now();
    source.onopen = () => {
      this.#retryMs = RETRY_FIRST_MS;
      this.#lastSign = Date.now();
      this.#lost = false;
      this.events.opened(before ? 'resumed' : 'new');
      before = this.#lastId !== '';
    };
    source.onerror = () => {
      this.#connectingSince = Date.now();
      this.events.broken();
      // CLOSED: the answer was not an event stream (a restart behind a proxy, a session that ended).
      if (source.readyState === EventSource.CLOSED) this.#retryLater();
    };
    this.#on('change', (body) => this.events.change(body));
    this.#on('alert', (body) => this.events.alert(body));
    this.#on('incident', (body) => this.events.incident(body));
    this.#on('heartbeat', (body) => this.events.heartbeat(body));
    this.#on('resync', () => this.events.resync());
  }

  #on(name: string, take: (body: unknown) => void): void {
    this.#source?.addEventListener(name, (event) => {
      const { data, lastEventId } = event as MessageEvent<string>;
      this.#lastSign = Date.now();
      this.#lastId = lastEventId || this.#lastId;
      if (this.#lost) {
        // The server was only slow to answer: the connection is the same, and nothing is missing in it.
        this.#lost = false;
        this.events.opened('resumed');
      }
      let body: unknown = null;
      try {
        body = JSON.parse(data);
      } catch {
        if (name !== 'resync') return; // Half an event or a foreign one: the next heartbeat or resync mends what it meant.
      }
      take(body);
    });
  }

  #retryLater(): void {
    clearTimeout(this.#retry);
    // Up to half as long again, so that a room full of screens does not come back in one second.
    this.#retry = setTimeout(() => this.#open(), this.#retryMs * (1 + Math.random() / 2));
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }

  /** A cut cable, a laptop that slept, a lost router: the socket looks open and nothing comes. */
  async #watch(): Promise<void> {
    if (this.#asking || Date.now() - Math.max(this.#lastSign, this.#lastAnswer) < ASK_AFTER_MS) return;
    this.#asking = true;
    const source = this.#source;
    const there = await answers(ANSWER_WITHIN_MS);
    this.#asking = false;
    if (source === null || source !== this.#source) return;
    if (!there) {
      if (!this.#lost) this.events.broken();
      this.#lost = true;
      return;
    }
    this.#lastAnswer = Date.now();
    const silent = source.readyState === EventSource.OPEN && Date.now() - this.#lastSign > DEAD_AFTER_MS;
    const stuck = source.readyState === EventSource.CONNECTING && Date.now() - this.#connectingSince > OPEN_WITHIN_MS;
    if (silent) this.events.broken();
    if (silent || stuck || (this.#lost && source.readyState !== EventSource.CLOSED)) {
      this.#lost = false;
      this.#open();
    }
  }
}
