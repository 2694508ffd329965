// The server's time, ticking once a second. Ages are judged by the server's clock: a wrong clock on a laptop must not
// make old values look new.

/** How many heartbeats the estimate looks back. */
const MEMORY = 8;

class Clock {
  /** The server's time, in milliseconds since 1970, as well as it is known. */
  now = $state(Date.now());
  #offsets: number[] = [];
  #offset = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  start(): void {
    clearInterval(this.#timer);
    this.#timer = setInterval(() => this.#tick(), 1000);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** A heartbeat says what time it was when it left; the one that travelled fastest is nearest to the truth. */
  heard(serverNow: number): void {
    this.#offsets.push(serverNow - Date.now());
    if (this.#offsets.length > MEMORY) this.#offsets.shift();
    this.#offset = Math.max(...this.#offsets);
    this.#tick();
  }

  #tick(): void {
    this.now = Date.now() + this.#offset;
  }
}

export const clock = new Clock();
