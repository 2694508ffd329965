// What the phone holds of alerts: taken from answers of the server, in the order of urgency.
import { rank } from '../severities';
import type { FieldAlert, SyncAnswer } from './wire';

export interface Held {
  account: string;
  language: string;
  cursor: string;
  alerts: readonly FieldAlert[];
  /** By this phone's clock, when the server last said all of it; null before it has once. */
  heardAt: number | null;
  /** It has not said all of it yet. */
  more: boolean;
  /** Open alerts at the server. */
  open: number;
  withheld: number;
  mayClose: boolean;
  canPush: boolean;
}

/** The most severe first, then the most recently changed; what somebody dealt with comes last. */
export function byUrgency(a: FieldAlert, b: FieldAlert): number {
  return Number(a.quiet) - Number(b.quiet) || rank(b.severity) - rank(a.severity) || b.changedAt - a.changedAt || (a.id < b.id ? -1 : 1);
}

/**
 * What the phone holds after an answer. `asked` is what it held when it asked: another account's answer starts anew.
 * `heardAt` moves when the last part is in: what is half new must not look new.
 */
export function taken(held: Held | null, answer: SyncAnswer, language: string, now: number): Held {
  const before = held?.account === answer.account ? held : null;
  const mine = before?.alerts ?? [];
  const gone = new Set([...answer.removed, ...answer.alerts.map((alert) => alert.ref)]);
  const alerts = [...mine.filter((alert) => !gone.has(alert.ref)), ...answer.alerts].sort(byUrgency);
  const heardAt = answer.more ? (before?.heardAt ?? null) : now;
  const { account, cursor, more, open, withheld, mayClose, canPush } = answer;
  return { account, language, cursor, alerts, heardAt, more, open, withheld, mayClose, canPush };
}
