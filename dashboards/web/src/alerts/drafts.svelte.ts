// What people are about to do, one draft for each step of an alert. Kept outside the panels: closing one, another step, or a
// failed attempt loses nothing.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError, getJson, post } from '../api/client';
import { finite, object } from '../api/json';
import { readAlert, type Alert } from '../api/wire';
import { clock } from '../live/clock.svelte';
import { picture } from '../live/picture.svelte';
import { alertPath, body, closeCauses, faults, freshKey, NOTHING, versioned, type Act, type Fault, type Said } from './acts';

/** How the last attempt ended. `changed`: somebody else was faster. */
export type Phase = 'writing' | 'sending' | 'changed' | 'unreachable' | 'refused';

export class Draft {
  said = $state<Said>({ ...NOTHING });
  phase = $state<Phase>('writing');
  /** What the server said against it; empty when this account may not do it. */
  refusal = $state('');
  /** What is missing; told after the first attempt only. */
  faults = $state.raw<readonly Fault[]>([]);
  /** The alert's version that the person saw. */
  version: number;
  #sent: { as: string; key: string } | null = null;

  constructor(
    readonly alert: string,
    readonly act: Act,
    version: number,
  ) {
    this.version = version;
  }

  /** The same key for the same wish, so that a repeat is done once; another for another wish. */
  keyFor(wish: string): string {
    if (this.#sent?.as !== wish) this.#sent = { as: wish, key: freshKey() };
    return this.#sent.key;
  }
}

const keyOf = (alert: string, act: Act): string => `${alert} ${act}`;

class Drafts {
  readonly #all = new SvelteMap<string, Draft>();
  /** Which form of an alert is open. */
  readonly #shown = new SvelteMap<string, Act>();
  /** What was done last, for the ear and the eye. */
  done = $state<{ alert: string; act: Act; at: number } | null>(null);

  /** The draft whose form is open. */
  of(alert: string): Draft | undefined {
    const act = this.#shown.get(alert);
    return act === undefined ? undefined : this.#all.get(keyOf(alert, act));
  }

  /** The draft of a step, whether its form is open or not. */
  for(alert: string, act: Act): Draft | undefined {
    return this.#all.get(keyOf(alert, act));
  }

  /** Opens a form; what was written in it before is still there. */
  open(alert: Alert, act: Act): Draft {
    const draft = this.#begin(alert, act);
    this.#shown.set(alert.id, act);
    return draft;
  }

  /** Folded away, and still there when it is opened again. */
  fold(alert: string): void {
    this.#shown.delete(alert);
  }

  drop({ alert, act }: Draft): void {
    this.#all.delete(keyOf(alert, act));
    if (this.#shown.get(alert) === act) this.#shown.delete(alert);
  }

  /** In one step, for what needs no words. What is being written meanwhile stays open. */
  async quick(alert: Alert, act: Act): Promise<boolean> {
    const done = await this.send(this.#begin(alert, act));
    if (!done && !this.#shown.has(alert.id)) this.#shown.set(alert.id, act);
    return done;
  }

  #begin(alert: Alert, act: Act): Draft {
    const known = this.#all.get(keyOf(alert.id, act));
    if (known) return known;
    const draft = new Draft(alert.id, act, alert.version);
    draft.said.cause = closeCauses(alert)[0] ?? 'other';
    this.#all.set(keyOf(alert.id, act), draft);
    return draft;
  }

  /** Tries it; whether it was done. */
  async send(draft: Draft): Promise<boolean> {
    if (draft.phase === 'sending') return false;
    draft.faults = faults(draft.act, draft.said, clock.now);
    if (draft.faults.length > 0) return false;
    const wish = { path: `${alertPath(draft.alert)}/${draft.act}`, body: body(draft.act, draft.said), ...(versioned(draft.act) ? { version: draft.version } : {}) };
    draft.phase = 'sending';
    try {
      const heard = object(await post({ ...wish, key: draft.keyFor(JSON.stringify(wish)) }));
      this.#follow(draft.alert, finite(heard.version));
    } catch (error) {
      this.#failed(draft, error);
      return false;
    }
    this.drop(draft);
    this.done = { alert: draft.alert, act: draft.act, at: clock.now };
    // The stream tells it too, a moment later.
    void this.#read(draft.alert);
    return true;
  }

  /** What this person did is no change by somebody else: each word counts the version by one. */
  #follow(alert: string, version: number | null): void {
    if (version === null) return;
    for (const draft of this.#all.values()) if (draft.alert === alert && draft.version === version - 1) draft.version = version;
  }

  #failed(draft: Draft, error: unknown): void {
    const failure = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error));
    draft.refusal = failure.status === 403 ? '' : failure.message;
    if (failure.status === 412) {
      draft.phase = 'changed';
      const present = readAlert(failure.present);
      // Sending again is then done to what the person has been shown.
      draft.version = present?.version ?? draft.version;
      if (present) picture.alert(failure.present);
      return;
    }
    draft.phase = failure.status === 0 || failure.status === 503 ? 'unreachable' : 'refused';
    // It no longer fits how the alert stands: show how.
    if (failure.status === 409) void this.#read(draft.alert);
  }

  async #read(alert: string): Promise<void> {
    try {
      picture.alert(await getJson(alertPath(alert)));
    } catch {
      // The stream brings it.
    }
  }
}

export const drafts = new Drafts();
