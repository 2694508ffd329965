// What people are about to do, one draft an alert. Kept outside the panels: closing one, or a failed attempt, loses nothing.
import { SvelteMap } from 'svelte/reactivity';
import { ApiError, getJson, post } from '../api/client';
import { readAlert, type Alert } from '../api/wire';
import { clock } from '../live/clock.svelte';
import { picture } from '../live/picture.svelte';
import { alertPath, body, closeCauses, faults, freshKey, NOTHING, versioned, type Act, type Fault, type Said } from './acts';

/** How the last attempt ended. `changed`: somebody else was faster. */
export type Phase = 'writing' | 'sending' | 'changed' | 'unreachable' | 'refused';

export class Draft {
  said = $state<Said>({ ...NOTHING });
  phase = $state<Phase>('writing');
  /** What the server said against it. */
  refusal = $state('');
  /** What is missing; told after the first attempt only. */
  faults = $state.raw<readonly Fault[]>([]);
  /** Folded away, and still there when it is opened again. */
  folded = $state(false);
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

class Drafts {
  readonly #all = new SvelteMap<string, Draft>();
  /** What was done last, for the ear and the eye. */
  done = $state<{ alert: string; act: Act; at: number } | null>(null);

  of(alert: string): Draft | undefined {
    const draft = this.#all.get(alert);
    return draft?.folded === true ? undefined : draft;
  }

  /** Opens a form; what was written for the same act is still there. */
  open(alert: Alert, act: Act): Draft {
    const known = this.#all.get(alert.id);
    if (known?.act === act) {
      known.folded = false;
      return known;
    }
    const draft = new Draft(alert.id, act, alert.version);
    draft.said.cause = closeCauses(alert)[0] ?? 'other';
    // A change of mind keeps what both forms have.
    if (known) draft.said.note = known.said.note;
    this.#all.set(alert.id, draft);
    return draft;
  }

  fold(alert: string): void {
    const draft = this.#all.get(alert);
    if (draft) draft.folded = true;
  }

  drop(alert: string): void {
    this.#all.delete(alert);
  }

  /** In one step, for what needs no words. */
  quick(alert: Alert, act: Act): Promise<boolean> {
    return this.send(this.open(alert, act));
  }

  /** Tries it; whether it was done. */
  async send(draft: Draft): Promise<boolean> {
    if (draft.phase === 'sending') return false;
    draft.faults = faults(draft.act, draft.said, clock.now);
    if (draft.faults.length > 0) return false;
    const wish = { path: `${alertPath(draft.alert)}/${draft.act}`, body: body(draft.act, draft.said), ...(versioned(draft.act) ? { version: draft.version } : {}) };
    draft.phase = 'sending';
    try {
      await post({ ...wish, key: draft.keyFor(JSON.stringify(wish)) });
    } catch (error) {
      this.#failed(draft, error);
      return false;
    }
    if (this.#all.get(draft.alert) === draft) this.#all.delete(draft.alert);
    this.done = { alert: draft.alert, act: draft.act, at: clock.now };
    // The stream tells it too, a moment later.
    void this.#read(draft.alert);
    return true;
  }

  #failed(draft: Draft, error: unknown): void {
    const failure = error instanceof ApiError ? error : new ApiError(0, 'unknown', String(error));
    draft.refusal = failure.message;
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
