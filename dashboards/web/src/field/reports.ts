// Reports on their way: what they say, how many go together, and what an answer means for each.
import type { Action, ReportResult } from './wire';

/** A report in the phone's queue. */
export interface Waiting {
  /** Its place in the queue. */
  place: number;
  key: string;
  account: string;
  alert: string;
  /** What the alert was called, for the list of what waits. */
  title: string;
  action: Action;
  note: string;
  /** By this phone's clock. */
  at: number;
  position: Position | null;
  /** JPEG, base64. */
  photo: string | null;
  /** Why the server refused it; it is not sent again. */
  refused: { code: string; reason: string } | null;
}

export interface Position {
  lat: number;
  lon: number;
  accuracy_m: number;
}

/** Letters of a note, as the server takes them. */
export const NOTE_LENGTH_MAX = 300;
/** Together, so that a request that breaks on a poor network loses little; and the server takes 1 MiB. */
const TOGETHER_MAX = 10;
const TOGETHER_BYTES_MAX = 200_000;

/** As the server takes it. */
export function body(report: Waiting): Record<string, unknown> {
  const { key, alert, action, note, at, position, photo } = report;
  return { key, alert, action, note, at: new Date(at).toISOString(), ...(position && { position }), ...(photo && { photo }) };
}

const weight = (report: Waiting): number => 400 + report.note.length * 3 + (report.photo?.length ?? 0);

/** The next that go together: the oldest of the account, in order, one at least. */
export function next(queue: readonly Waiting[], account: string): Waiting[] {
  const mine = queue.filter((report) => report.account === account && report.refused === null);
  const taken: Waiting[] = [];
  let bytes = 0;
  for (const report of mine.slice(0, TOGETHER_MAX)) {
    bytes += weight(report);
    if (taken.length > 0 && bytes > TOGETHER_BYTES_MAX) break;
    taken.push(report);
  }
  return taken;
}

export type Fate = 'arrived' | 'refused' | 'waits';

/** What an answer means for a report. One that the answer does not name waits. */
export function fate(report: Waiting, results: readonly ReportResult[]): { fate: Fate; code: string; reason: string } {
  const result = results.find((candidate) => candidate.key === report.key);
  const [code, reason] = [result?.code ?? '', result?.reason ?? ''];
  if (!result || result.result === 'postponed') return { fate: 'waits', code, reason };
  const isRefused = result.result === 'refused' || result.first === 'refused';
  return { fate: isRefused ? 'refused' : 'arrived', code, reason };
}

/** Whether a whole request was refused for good, so that sending the same again is no use. */
export const isFinal = (status: number): boolean => status === 400 || status === 403 || status === 413 || status === 415;

/** A UUID; the phone's own name of a report. Pages that are not secure have no `randomUUID`. */
export function freshKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}
