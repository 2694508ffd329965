// The server's events, kept open. The browser reconnects by itself after a network error and then resumes where it was
// (Last-Event-ID); when it gives up, or when the connection is open but dead, this opens a new one, whose owner must
// load everything anew.

export interface StreamEvents {
  /** `resumed` says that the browser reconnected by itself and the server goes on where it stopped. */
  opened(how: 'new' | 'resumed'): void;
  broken(): void;
  change(body: unknown): void;
  alert(body: unknown): void;
  heartbeat(body: unknown): void;
  resync(): void;
}

/** Silence after which an open connection counts as dead. More than two heartbeats, and after the banner has come. */
const DEAD_AFTER_MS = 45_000;
const RETRY_FIRST_MS = 1_000;
const RETRY_MAX_MS = 15_000;

export class Stream {
  #source: EventSource | null = null;
  #retryMs = RETRY_FIRST_MS;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lastSign = 0;
  #opened = false;

  constructor(
    private readonly path: string,
    private readonly events: StreamEvents,
  ) {}

  start(): void {
    this.stop();
    this.#opened = false;
    this.#lastSign = Date.now();
    const source = new EventSource(this.path);
    this.#source = source;
    source.onopen = () => {
      this.#retryMs = RETRY_FIRST_MS;
      this.#lastSign = Date.now();
      this.events.opened(this.#opened ? 'resumed' : 'new');
      this.#opened = true;
    };
    source.onerror = () => {
      this.events.broken();
      // CLOSED: the answer was not an event stream (a restart behind a proxy, a session that ended).
      if (source.readyState === EventSource.CLOSED) this.#retryLater();
    };
    this.#on('change', (body) => this.events.change(body));
    this.#on('alert', (body) => this.events.alert(body));
    this.#on('heartbeat', (body) => this.events.heartbeat(body));
    source.addEventListener('resync', () => {
      this.#lastSign = Date.now();
      this.events.resync();
    });
    this.#watch();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
  }

  #on(name: string, take: (body: unknown) => void): void {
    this.#source?.addEventListener(name, (event) => {
      this.#lastSign = Date.now();
      let body: unknown;
      try {
        body = JSON.parse((event as MessageEvent<string>).data);
      } catch {
        return; // Half an event or a foreign one: the next heartbeat or resync mends what it meant.
      }
      take(body);
    });
  }

  #retryLater(): void {
    clearTimeout(this.#timer);
    // Up to half as long again, so that a room full of screens does not come back in one second.
    this.#timer = setTimeout(() => this.start(), this.#retryMs * (1 + Math.random() / 2));
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
  }

  /** A laptop that slept, a lost router: the socket looks open and nothing comes. */
  #watch(): void {
    this.#timer = setTimeout(() => {
      if (this.#source?.readyState === EventSource.OPEN && Date.now() - this.#lastSign > DEAD_AFTER_MS) {
        this.events.broken();
        this.start();
      } else if (this.#source?.readyState !== EventSource.CLOSED) {
        this.#watch();
      }
    }, 5_000);
  }
}
