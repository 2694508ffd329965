// What was changed from this window, with the way back of each. Undoing sends the former version through the API like any
// other change; for stations and rules the server keeps former versions itself, for people and shifts this window does.
import type { ApiError } from '../api/client';
import { toApiError } from './problems';

export const VERBS = [
  'stationAdded', 'stationChanged', 'stationMoved', 'stationRetired', 'stationBack', 'stationReturned', 'adopted', 'maintenancePlanned', 'maintenanceWithdrawn',
  'ruleCreated', 'ruleSaved', 'ruleArmed', 'ruleDisarmed', 'ruleRemoved', 'ruleRestored',
  'personAdded', 'personChanged', 'personRemoved', 'shiftAdded', 'shiftChanged', 'shiftRemoved',
] as const;
export type Verb = (typeof VERBS)[number];

export interface Deed {
  key: number;
  verb: Verb;
  subject: string;
  at: number;
  state: 'done' | 'undoing' | 'undone' | 'failed';
  failure: ApiError | null;
  undo: (() => Promise<void>) | null;
}

class Deeds {
  /** Newest first. */
  list = $state<Deed[]>([]);
  /** Of these, the one that is told of at the foot of the page. */
  told = $state<number | null>(null);
  /** Counts what was changed or undone: what is shown of the server is read again then. */
  turn = $state(0);
  #keys = 0;

  done(verb: Verb, subject: string, undo: (() => Promise<void>) | null): void {
    this.#keys += 1;
    this.list = [{ key: this.#keys, verb, subject, at: Date.now(), state: 'done', failure: null, undo }, ...this.list];
    this.told = this.#keys;
    this.turn += 1;
  }

  async undo(key: number): Promise<void> {
    const deed = this.list.find((one) => one.key === key);
    if (!deed?.undo || deed.state === 'undoing' || deed.state === 'undone') return;
    deed.state = 'undoing';
    deed.failure = null;
    this.told = key;
    try {
      await deed.undo();
      deed.state = 'undone';
      this.turn += 1;
    } catch (error) {
      deed.state = 'failed';
      deed.failure = toApiError(error);
    }
  }
}

export const deeds = new Deeds();
