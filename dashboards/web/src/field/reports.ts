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
  /** How the alert stood on the phone. */
  seen?: string | null;
  /** It may have reached the server: it cannot be taken back any more. */
  tried?: boolean;
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
  const { key, alert, action, note, at, position, photo, seen } = report;
  return { key, alert, action, note, at: new Date(at).toISOString(), ...(seen && { seen }), ...(position && { position }), ...(photo && { photo }) };
}

const weight = (report: Waiting): number => 400 + report.note.length * 3 + (report.photo?.length ?? 0);

/**
 * The next that go together: the oldest of the account, in order, one at least. Photos go behind all that is light, because
 * one that cannot get through must hold up nothing else; what was said of the same alert after a photo stays behind it.
 */
export function next(queue: readonly Waiting[], account: string): Waiting[] {
  const mine = queue.filter((report) => report.account === account && report.refused === null);
  const behind = new Set<string>();
  const [light, heavy]: [Waiting[], Waiting[]] = [[], []];
  for (const report of mine) {
    if (report.photo !== null) behind.add(report.alert);
    (behind.has(report.alert) ? heavy : light).push(report);
  }
  const taken: Waiting[] = [];
  let bytes = 0;
  for (const report of (light.length > 0 ? light : heavy).slice(0, TOGETHER_MAX)) {
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

/** What Saola says of a request that it will never take. A proxy's word, or that of a wrong way here, is none of these. */
const FINAL = ['invalid_body', 'forbidden', 'body_too_large', 'unsupported_media_type'];

/** Whether a whole request was refused for good, so that sending the same again is no use. */
export const isFinal = (code: string): boolean => FINAL.includes(code);

/** A UUID; the phone's own name of a report. Pages that are not secure have no `randomUUID`. */
export function freshKey(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20)].join('-');
}

/** How often each is there. */
export function counted(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
