// What a person may do about an alert: which of it fits now, what must be said with it, and how it is asked of the server.
import type { Alert } from '../api/wire';
import { CLOSE_CAUSES } from '../words/codes';
import { fromInput } from '../words/time';

export type Act = 'acknowledge' | 'unacknowledge' | 'assign' | 'comment' | 'shelve' | 'unshelve' | 'close';
export type CloseCause = keyof typeof CLOSE_CAUSES;

/** What is written so far. Everything stays when an attempt fails. */
export interface Said {
  note: string;
  to: string;
  text: string;
  reason: string;
  /** As an input of date and time has it. */
  until: string;
  cause: CloseCause;
}

export const NOTHING: Said = { note: '', to: '', text: '', reason: '', until: '', cause: 'resolved' };

/** These are done to the alert as it was seen: when somebody was faster, the person reads that first. */
const VERSIONED: readonly Act[] = ['assign', 'shelve', 'unshelve', 'close', 'unacknowledge'];

export const versioned = (act: Act): boolean => VERSIONED.includes(act);

/** What fits how the alert stands. Only who acknowledged it can take that back. */
export function offered(alert: Alert, me: string): Act[] {
  const { acknowledged, acknowledgedBy, shelved, closed } = alert.handling;
  if (alert.state === 'cleared') return ['comment'];
  const acts: Act[] = [];
  if (!acknowledged) acts.push('acknowledge');
  acts.push('assign', 'comment', shelved ? 'unshelve' : 'shelve');
  if (acknowledged && acknowledgedBy.some(({ by }) => by === me)) acts.push('unacknowledge');
  if (!closed) acts.push('close');
  return acts;
}

/** Whether the condition holds: then an alert is not over because somebody says so. */
export const holds = (alert: Alert): boolean => alert.state === 'active';

export function closeCauses(alert: Alert): CloseCause[] {
  const all = Object.keys(CLOSE_CAUSES) as CloseCause[];
  return holds(alert) ? all.filter((cause) => cause !== 'resolved' && cause !== 'other') : all;
}

export type Fault = { field: keyof Said; why: 'needed' | 'past' };

/** What is missing. */
export function faults(act: Act, said: Said, now: number): Fault[] {
  const found: Fault[] = [];
  const needs = (field: keyof Said): void => {
    if (said[field].trim() === '') found.push({ field, why: 'needed' });
  };
  if (act === 'comment') needs('text');
  if (act === 'close' && said.cause === 'other') needs('note');
  if (act === 'shelve') {
    const until = fromInput(said.until);
    if (until === null) found.push({ field: 'until', why: 'needed' });
    else if (until <= now) found.push({ field: 'until', why: 'past' });
    needs('reason');
  }
  return found;
}

export function body(act: Act, said: Said): object {
  const note = said.note.trim();
  const noted = note === '' ? {} : { note };
  switch (act) {
    case 'assign':
      return { to: said.to.trim() || null, ...noted };
    case 'comment':
      return { text: said.text.trim() };
    case 'shelve':
      return { until: new Date(fromInput(said.until) ?? 0).toISOString(), reason: said.reason.trim() };
    case 'close':
      return { cause: said.cause, ...noted };
    default:
      return noted;
  }
}

export const alertPath = (id: string): string => `/api/v1/alerts/${encodeURIComponent(id)}`;

/** Letters for an `Idempotency-Key`; `crypto.randomUUID` is missing where the page is not served over TLS. */
export function freshKey(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
