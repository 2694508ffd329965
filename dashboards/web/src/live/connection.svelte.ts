// Whether what stands on the screen can be believed: the stream, the server's heartbeat, the age of its intake.
import type { Heartbeat } from '../api/wire';
import { clock } from './clock.svelte';

/** A heartbeat comes about every 10 s; this is two of them and some. */
const HEARTBEAT_LATE_MS = 25_000;
/** No message from any sensor for so long is a fault of the way in, not of a sensor. */
const INTAKE_LATE_MS = 120_000;
/** Silence and hold times are judged every few seconds. */
const TICK_LATE_MS = 90_000;

export type Trust =
  | { state: 'connecting' }
  | { state: 'good' }
  /** The stream is broken since this time (server's clock); 0 when it never was whole. */
  | { state: 'broken'; since: number }
  | { state: 'heartbeat-late'; ageMs: number }
  /** `ageMs` is null when the server has never received anything. */
  | { state: 'intake-late'; ageMs: number | null }
  /** The server lives but does not judge: alerts may be missing. */
  | { state: 'tick-late'; ageMs: number }
  /** The server cannot hear the devices of these sources; their silence raises no alert. */
  | { state: 'unheard'; sources: string[] };

class Connection {
  phase = $state<'connecting' | 'open' | 'broken'>('connecting');
  /** When anything last came from the server (server's clock). */
  heardAt = $state(0);
  /** What the last heartbeat said, and when. */
  #beat = $state<{ at: number; intakeAgeMs: number | null; tickAgeMs: number | null; unheard: string[] } | null>(null);
  /** Why the newest load of everything failed; null after a success. */
  loadFailure = $state<string | null>(null);

  opened(): void {
    this.phase = 'open';
    this.heard();
  }

  broke(): void {
    this.phase = 'broken';
  }

  /** After signing out. */
  forget(): void {
    this.phase = 'connecting';
    this.heardAt = 0;
    this.#beat = null;
    this.loadFailure = null;
  }

  heard(): void {
    this.heardAt = clock.now;
  }

  beat({ intakeAgeS, tickAgeS, unheard = [] }: Pick<Heartbeat, 'intakeAgeS' | 'tickAgeS'> & Partial<Pick<Heartbeat, 'unheard'>>): void {
    this.heard();
    const ms = (seconds: number | null): number | null => (seconds === null ? null : seconds * 1000);
    this.#beat = { at: clock.now, intakeAgeMs: ms(intakeAgeS), tickAgeMs: ms(tickAgeS), unheard };
  }

  get heartbeatAgeMs(): number | null {
    return this.heardAt === 0 ? null : Math.max(0, clock.now - this.heardAt);
  }

  /** Grows while no heartbeat corrects it. */
  get intakeAgeMs(): number | null {
    if (!this.#beat || this.#beat.intakeAgeMs === null) return null;
    return this.#beat.intakeAgeMs + Math.max(0, clock.now - this.#beat.at);
  }

  /** Sources whose devices the server cannot hear. */
  get unheard(): readonly string[] {
    return this.#beat?.unheard ?? [];
  }

  get trust(): Trust {
    if (this.phase === 'broken') return { state: 'broken', since: this.heardAt };
    if (this.phase === 'connecting') return { state: 'connecting' };
    const heartbeatAge = this.heartbeatAgeMs;
    if (heartbeatAge !== null && heartbeatAge > HEARTBEAT_LATE_MS) return { state: 'heartbeat-late', ageMs: heartbeatAge };
    const tickAge = this.#beat?.tickAgeMs ?? 0;
    if (tickAge > TICK_LATE_MS) return { state: 'tick-late', ageMs: tickAge };
    if (this.#beat && this.#beat.unheard.length > 0) return { state: 'unheard', sources: this.#beat.unheard };
    if (this.#beat) {
      const intakeAge = this.intakeAgeMs;
      if (intakeAge === null || intakeAge > INTAKE_LATE_MS) return { state: 'intake-late', ageMs: intakeAge };
    }
    return { state: 'good' };
  }

  /** False while the values may be older than they look. An intake that is late is told by each value's own age. */
  get current(): boolean {
    const { state } = this.trust;
    return state !== 'broken' && state !== 'heartbeat-late' && state !== 'connecting';
  }
}

export const connection = new Connection();
