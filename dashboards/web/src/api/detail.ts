// One alert with what happened to it and who was told.
import { ALERT_STATES, SEVERITIES, type AlertState, type Severity } from '../states';
import { finite, instant, list, object, oneOf, text } from './json';
import { readAlert, type Alert } from './wire';

export interface Moment {
  at: number;
  state: AlertState;
  severity: Severity;
  value: number | null;
  /** Why: value, silence, return, rule, …; of a deed: person or time. */
  cause: string;
  deed: Deed | null;
}

export interface Deed {
  what: string;
  author: string | null;
  text: string;
  to: string | null;
  until: number | null;
  why: string | null;
  saidAt: number | null;
}

export interface Delivery {
  key: string;
  recipient: string;
  channel: string;
  kind: string;
  state: string;
  attempts: number;
  error: string | null;
  /** When it came to the state that it is in. */
  at: number | null;
  text: string | null;
}

export interface Detail {
  alert: Alert;
  timeline: readonly Moment[];
  deliveries: readonly Delivery[];
}

export function readMoment(value: unknown): Moment | null {
  const from = object(value);
  const at = instant(from.at);
  const state = oneOf(from.state, ALERT_STATES);
  const severity = oneOf(from.severity, SEVERITIES);
  if (at === null || state === null || severity === null) return null;
  const done = object(from.deed);
  const deed = from.deed
    ? { what: text(done.what) ?? '', author: text(done.author), text: text(done.text) ?? '', to: text(done.to), until: instant(done.until), why: text(done.why), saidAt: instant(done.said_at) }
    : null;
  return { at, state, severity, value: finite(from.value), cause: text(from.cause) ?? '', deed };
}

function readDelivery(value: unknown): Delivery | null {
  const from = object(value);
  const key = text(from.key);
  if (key === null) return null;
  const times = [from.acknowledged_at, from.failed_at, from.seen_at, from.delivered_at, from.sent_at, from.queued_at];
  return {
    key,
    recipient: text(from.recipient) ?? '',
    channel: text(from.channel) ?? '',
    kind: text(from.kind) ?? '',
    state: text(from.state) ?? '',
    attempts: finite(from.attempts) ?? 0,
    error: text(from.error),
    at: times.map(instant).find((at) => at !== null) ?? null,
    text: text(from.sent_text) ?? text(from.text),
  };
}

export function readDeliveries(value: unknown): Delivery[] {
  return list(object(value).deliveries).map(readDelivery).filter((delivery) => delivery !== null);
}

export function readTimeline(value: unknown): Moment[] {
  return list(object(value).timeline).map(readMoment).filter((moment) => moment !== null);
}

export function readDetail(value: unknown): Detail | null {
  const alert = readAlert(value);
  return alert && { alert, timeline: readTimeline(value), deliveries: readDeliveries(value) };
}
