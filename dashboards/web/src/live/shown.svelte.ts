// What the views show: the present, or the picture of one past moment. The picture, the incidents and every age are read
// through this, so that nothing on the screen can be of another time than the rest.
import type { Incident } from '../api/incidents';
import type { Alert, Station } from '../api/wire';
import { clock } from './clock.svelte';

/** Everything that is shown of a past moment. */
export interface Frame {
  /** Milliseconds since 1970. */
  at: number;
  /** Loaded without stations, which the map has as tiles of that moment; those alone are there that somebody looks at. */
  grouped: boolean;
  /** Stations that were asked for by themselves: one that is not among `stations` was not there. */
  asked: ReadonlySet<string>;
  stations: ReadonlyMap<string, Station>;
  alerts: ReadonlyMap<string, Alert>;
  incidents: ReadonlyMap<string, Incident>;
  /** The caller's role does not see alerts. */
  alertsForbidden: boolean;
  /** Of alerts that ended before this time some may be forgotten; null when the moment is after it. */
  alertsKnownSince: number | null;
}

class Shown {
  /** Null while the present is shown. */
  frame = $state.raw<Frame | null>(null);
  /** What the map lays below the stations is not of this moment yet. */
  busy = $state(false);
  readonly past: boolean = $derived(this.frame !== null);

  /** The time by which what is shown is judged. */
  get now(): number {
    return this.frame?.at ?? clock.now;
  }
}

export const shown = new Shown();
