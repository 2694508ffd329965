// Keeps the picture and the connection going: who is signed in, the first load, the stream, and a new load whenever
// the stream cannot say that nothing was missed.
import { ApiError, getJson } from '../api/client';
import { Stream } from '../api/stream';
import { readHeartbeat, readMe, type Me } from '../api/wire';
import { clock } from './clock.svelte';
import { connection } from './connection.svelte';
import { crowd, type Grouping } from './crowd.svelte';
import { incidents } from './incidents.svelte';
import { layers } from './layers.svelte';
import { meanings } from './meanings.svelte';
import { past } from './past.svelte';
import { picture } from './picture.svelte';

const RETRY_MS = 3_000;
/** Everything anew now and then, for what no event tells: a station that was taken out of service. */
const RELOAD_MS = 10 * 60_000;

class Watch {
  /** `undefined` until the server has said who we are, `null` when it wants a sign-in. */
  me = $state<Me | null | undefined>(undefined);
  /** Counts loads of everything, so that an open chart knows when to ask again. */
  loads = $state(0);
  #retry: ReturnType<typeof setTimeout> | undefined;
  #reload: ReturnType<typeof setInterval> | undefined;
  // Where stations are grouped, hundreds of changes a second are the server's business, which draws them.
  #stream = new Stream(() => (crowd.wanted ? '/api/v1/stream?layers=alerts' : '/api/v1/stream'), {
    opened: (how) => {
      connection.opened();
      if (how === 'new') void this.#load();
    },
    broken: () => {
      connection.broke();
      void this.#stillSignedIn();
    },
    change: (body) => {
      connection.heard();
      picture.change(body);
    },
    alert: (body) => {
      connection.heard();
      picture.alert(body);
    },
    incident: (body) => {
      connection.heard();
      incidents.apply(body);
    },
    heartbeat: (body) => {
      const heartbeat = readHeartbeat(body);
      if (heartbeat) clock.heard(heartbeat.now);
      if (heartbeat) connection.beat(heartbeat);
    },
    resync: () => void this.#load(),
  });

  async start(): Promise<void> {
    clock.start();
    clearTimeout(this.#retry);
    try {
      const [me] = await Promise.all([getJson('/api/v1/me'), crowd.look()]);
      this.me = readMe(me);
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        this.me = null;
        return;
      }
      this.#failed(error);
      this.#retry = setTimeout(() => void this.start(), RETRY_MS);
      return;
    }
    if (crowd.wanted) this.#turn(true);
    // Of what it loads when it is open boundaries alone need not wait: no event tells of them.
    void picture.loadAreas().catch(() => {});
    this.#stream.start();
    clearInterval(this.#reload);
    this.#reload = setInterval(() => connection.current && void this.#load(), RELOAD_MS);
  }

  stop(): void {
    clearTimeout(this.#retry);
    clearInterval(this.#reload);
    this.#stream.stop();
    clock.stop();
  }

  signedOut(): void {
    this.#stream.stop();
    clearTimeout(this.#retry);
    clearInterval(this.#reload);
    past.forget();
    layers.forget();
    picture.forget();
    crowd.forget();
    incidents.forget();
    meanings.forget();
    connection.forget();
    this.me = null;
  }

  /** Groups stations, or does not, as somebody wants it now. */
  group(how: Grouping): void {
    crowd.choose(how);
    if (crowd.wanted !== crowd.on) this.#anew();
  }

  #anew(): void {
    this.#stream.stop();
    this.#stream.start();
  }

  #turn(grouped: boolean): void {
    crowd.turn(grouped);
    past.regroup();
  }

  async #load(): Promise<void> {
    clearTimeout(this.#retry);
    const grouped = crowd.wanted;
    if (grouped && !crowd.on) this.#turn(true);
    try {
      const stations = picture.load(grouped ? 'without stations' : 'everything');
      await Promise.all([picture.loadAreas(), stations, crowd.look(), incidents.load(), meanings.load()]);
      // Only now are all of them there.
      if (!grouped && crowd.on) this.#turn(false);
      // So many were added or taken away meanwhile.
      if (crowd.wanted !== grouped) this.#anew();
      connection.loadFailure = null;
      this.loads += 1;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) return this.signedOut();
      this.#failed(error);
      this.#retry = setTimeout(() => void this.#load(), RETRY_MS);
    }
  }

  /** A stream that breaks may mean that the session ended: ask, once, instead of reconnecting for ever. */
  async #stillSignedIn(): Promise<void> {
    try {
      await getJson('/api/v1/me');
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.signedOut();
    }
  }

  #failed(error: unknown): void {
    connection.loadFailure = error instanceof Error ? error.message : String(error);
  }
}

export const watch = new Watch();
