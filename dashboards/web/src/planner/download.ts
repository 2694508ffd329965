// A result as a file, with what it takes to trust it later.
//
// The server's own manifest and trailers go only to programs that ask with `TE: trailers`, which a browser does not let
// a page send. The same members are put together here from the answer on the screen, and the hash from the bytes that
// arrived; `made_by` says so.
import { ask } from '../api/client';
import { OFFSET_MS } from '../words/time';
import type { Answer } from './answer';
import { startOf } from './calendar';
import { everyOf, functionsOf, propertiesOf, WHOLE, type Format, type View } from './view';

/** What is asked for; without an answer on the screen when it would be too long for one. */
export interface Shown {
  view: View;
  answer: Answer | null;
}

/** Years of minutes, over a slow line. */
const PATIENCE_MS = 10 * 60_000;

export interface Fetched {
  name: string;
  bytes: Blob;
  /** `null`: nobody counted them. */
  rows: number | null;
  /** Of the bytes; `null` where the browser has no means to compute it. */
  sha256: string | null;
  manifest: string;
}

const ENDINGS: Readonly<Record<Exclude<Format, 'json'>, string>> = { csv: 'csv', ndjson: 'ndjson', parquet: 'parquet' };

async function hash(bytes: ArrayBuffer): Promise<string | null> {
  // Browsers have it on safe connections only.
  if (!globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest('SHA-256', bytes);
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Lines of a text, the header of a CSV left out: neither format breaks a line inside a row. */
function lines(bytes: ArrayBuffer, format: Format): number {
  let count = 0;
  for (const byte of new Uint8Array(bytes)) if (byte === 0x0a) count += 1;
  return format === 'csv' ? Math.max(0, count - 1) : count;
}

/** `RG-01_rainfall_2026-10-01_2026-11-01_1d`: a name that says what is inside. */
export function fileStem(view: View): string {
  if (view.what === 'map') return `map_${view.property}_${functionsOf(view, view.property).join('_')}_${view.period.from}_${view.period.to}`.replace(/[^A-Za-z0-9_.-]/g, '-');
  const what = view.what === 'areas' ? `areas_${view.property}` : (view.channels[0] ?? 'history').replace('/', '_') + (view.channels.length > 1 ? `_and_${view.channels.length - 1}_more` : '');
  return `${what}_${view.period.from}_${view.period.to}_${everyOf(view)}`.replace(/[^A-Za-z0-9_.-]/g, '-');
}

export interface About {
  query: string;
  format: Format;
  rows: number | null;
  bytes: number;
  sha256: string | null;
  madeAt: string;
}

/** The members of the server's manifest, in its words. */
export function manifest({ view, answer }: Shown, about: About): string {
  const time = (at: number): string => new Date(at + OFFSET_MS).toISOString().replace(/\.\d+Z$/, '+07:00');
  const told = answer?.series.map(({ key, name, unit, tiers, keptSince }) => ({
    ...(view.what === 'areas' ? { area: key, name } : { channel: key }),
    unit,
    tier: tiers.join(','),
    ...(keptSince === null ? {} : { kept_since: time(keptSince) }),
  }));
  const series = told ?? (view.what === 'channels' ? view.channels.map((channel) => ({ channel })) : []);
  const functions = answer?.functions ?? [...new Set(propertiesOf(view).flatMap((property) => functionsOf(view, property)))];
  const members = {
    query: about.query,
    format: about.format,
    ...(view.what === 'areas' ? { property: view.property, level: view.level } : {}),
    every: view.what === 'map' ? WHOLE : everyOf(view),
    tz: 'Asia/Ho_Chi_Minh',
    from: time(startOf(view.period.from)),
    to: time(startOf(view.period.to)),
    functions,
    quality: view.quality,
    ...(answer?.compare ? { compare: { from: time(answer.compare.from), to: time(answer.compare.to) } } : {}),
    [view.what === 'areas' ? 'areas' : 'channels']: series,
    made_at: about.madeAt,
    made_by: 'saola, page /history: hash and rows as they arrived in the browser',
    rows: about.rows,
    bytes: about.bytes,
    sha256: about.sha256,
  };
  return `${JSON.stringify(members, null, 2)}\n`;
}

/** Asks for the result on the screen as a file. */
export async function fetchFile(shown: Shown, format: Exclude<Format, 'json'>, path: string): Promise<Fetched> {
  const response = await ask(path, {}, PATIENCE_MS);
  const bytes = await response.arrayBuffer();
  const sha256 = await hash(bytes);
  const counted = shown.answer?.series.reduce((sum, { buckets, surplus }) => sum + buckets.length + surplus.length, 0) ?? null;
  const rows = format === 'parquet' ? counted : lines(bytes, format);
  const date = response.headers.get('date');
  const madeAt = new Date(date === null ? Date.now() : Date.parse(date)).toISOString();
  const about: About = { query: path, format, rows, bytes: bytes.byteLength, sha256, madeAt };
  const type = response.headers.get('content-type') ?? 'application/octet-stream';
  return { name: `${fileStem(shown.view)}.${ENDINGS[format]}`, bytes: new Blob([bytes], { type }), rows, sha256, manifest: manifest(shown, about) };
}

/** Hands a file to the browser's downloads. */
export function save(name: string, bytes: Blob): void {
  const address = URL.createObjectURL(bytes);
  const link = document.createElement('a');
  link.href = address;
  link.download = name;
  link.click();
  // The browser has taken the bytes when it has begun; a minute is ample for that.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}
