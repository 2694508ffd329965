// A list of stations as the server orders it, asked for again while somebody looks at it. Made by a component, where
// stations are grouped; its address is null while they are not, and nothing is asked.
import { getJson } from '../api/client';
import { finite, object } from '../api/json';
import { readStations, type Station } from '../api/wire';
import { clock } from './clock.svelte';
import { stationFreshness } from './freshness';
import type { Seen } from './picture.svelte';

const AGAIN_MS = 5_000;
/** Typing is over. */
const PAUSE_MS = 200;

export class Listed {
  #stations = $state.raw<readonly Station[]>([]);
  /** How many there are in all. */
  total = $state(0);
  /** Whether the newest question was answered. */
  answered = $state(false);
  failure = $state<string | null>(null);

  readonly seen: readonly Seen[] = $derived.by(() => {
    const now = clock.now;
    return this.#stations.map((station) => ({ station, freshness: stationFreshness(station, now) }));
  });

  constructor(query: () => string | null) {
    $effect(() => {
      const asked = query();
      if (asked === null) {
        // What was listed is of another time than what is shown now.
        this.#stations = [];
        this.total = 0;
        this.answered = false;
        this.failure = null;
        return;
      }
      let left = false;
      this.answered = false;
      const ask = async (): Promise<void> => {
        try {
          const answer = await getJson(`/api/v1/stations?${asked}`);
          if (left) return;
          this.#stations = readStations(answer);
          this.total = finite(object(answer).total) ?? 0;
          this.answered = true;
          this.failure = null;
        } catch (error) {
          if (!left) this.failure = error instanceof Error ? error.message : String(error);
        }
      };
      const first = setTimeout(() => void ask(), PAUSE_MS);
      const timer = setInterval(() => void ask(), AGAIN_MS);
      return () => {
        left = true;
        clearTimeout(first);
        clearInterval(timer);
      };
    });
  }
}
