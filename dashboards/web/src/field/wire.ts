// The server's shapes for phones: what is not as described is left out, so that one odd alert hides no other.
import { finite, instant, list, object, oneOf, text } from '../api/json';
import { SEVERITIES, type Language, type Severity } from '../severities';

export const ACTIONS = ['acknowledged', 'on_my_way', 'confirmed', 'false', 'note'] as const;
export type Action = (typeof ACTIONS)[number];

export interface FieldText {
  title: string;
  place: string;
  near: string | null;
  coordinates: readonly string[];
  value: string;
  when: string;
  flapping: string | null;
  advice: string | null;
}

export interface FieldAlert {
  ref: string;
  id: string;
  severity: Severity;
  changedAt: number;
  position: readonly [number, number] | null;
  text: Partial<Record<Language, FieldText>>;
  acknowledged: boolean;
  by: readonly string[];
  quiet: boolean;
  closed: string | null;
  /** How it stands, for reports about it. */
  seen: string | null;
  last: { by: string; at: number; text: string } | null;
  mine: { action: Action; at: number } | null;
}

export interface SyncAnswer {
  account: string;
  removed: readonly string[];
  alerts: readonly FieldAlert[];
  more: boolean;
  cursor: string;
  open: number;
  withheld: number;
  mayClose: boolean;
  canPush: boolean;
}

/** `postponed` stays in the queue; everything else is final. */
export interface ReportResult {
  key: string | null;
  result: 'applied' | 'repeated' | 'refused' | 'postponed';
  first: string | null;
  code: string | null;
  reason: string | null;
}

const line = (from: unknown): string => text(from) ?? '';
const lines = (from: unknown): string[] => list(from).filter((one): one is string => typeof one === 'string');

function readText(from: unknown): FieldText {
  const told = object(from);
  return {
    title: line(told.title),
    place: line(told.place),
    near: text(told.near),
    coordinates: lines(told.coordinates),
    value: line(told.value),
    when: line(told.when),
    flapping: text(told.flapping),
    advice: text(told.advice),
  };
}

function readAlert(from: unknown): FieldAlert | null {
  const told = object(from);
  const [ref, id, severity] = [text(told.ref), text(told.id), oneOf(told.severity, SEVERITIES)];
  if (ref === null || id === null || severity === null) return null;
  const [handling, said] = [object(told.handling), object(told.text)];
  const [lon, lat] = list(told.position).map(finite);
  const [last, mine] = [object(handling.last), object(handling.mine)];
  const action = oneOf(mine.action, ACTIONS);
  const by = text(last.by);
  return {
    ref,
    id,
    severity,
    changedAt: instant(told.changed_at) ?? 0,
    position: typeof lon === 'number' && typeof lat === 'number' ? [lon, lat] : null,
    text: { ...(said.vi !== undefined && { vi: readText(said.vi) }), ...(said.en !== undefined && { en: readText(said.en) }) },
    acknowledged: handling.acknowledged === true,
    by: lines(handling.by),
    quiet: handling.quiet === true,
    closed: text(handling.closed),
    seen: text(told.seen),
    last: by === null ? null : { by, at: instant(last.at) ?? 0, text: line(last.text) },
    mine: action === null ? null : { action, at: instant(mine.at) ?? 0 },
  };
}

export function readSync(from: unknown): SyncAnswer {
  const told = object(from);
  const cursor = text(told.cursor);
  if (cursor === null) throw new Error('not an answer of /field/sync');
  return {
    account: line(told.account),
    removed: lines(told.removed),
    alerts: list(told.alerts).map(readAlert).filter((alert) => alert !== null),
    more: told.more === true,
    cursor,
    open: finite(told.open) ?? 0,
    withheld: finite(told.withheld) ?? 0,
    mayClose: told.may_close === true,
    canPush: told.can_push === true,
  };
}

const RESULTS = ['applied', 'repeated', 'refused', 'postponed'] as const;

export function readResults(from: unknown): ReportResult[] {
  return list(object(from).results).flatMap((one) => {
    const told = object(one);
    const result = oneOf(told.result, RESULTS);
    return result ? [{ key: text(told.key), result, first: text(told.first), code: text(told.code), reason: text(told.reason) }] : [];
  });
}
