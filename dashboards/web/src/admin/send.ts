// Changes asked of the server, and everything of a list that comes in pages.
import { ask, getJson } from '../api/client';
import { list, object, text } from '../api/json';

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE';

interface How {
  /** Only when what is changed still has this version. */
  version?: number | null;
  /** Longer than the usual patience: a backtest. */
  patienceMs?: number;
  signal?: AbortSignal;
}

/** The answer's document; null when there is none (204). */
export async function send(method: Method, path: string, body?: unknown, how: How = {}): Promise<unknown> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
  if (how.version !== undefined && how.version !== null) headers['if-match'] = `"${how.version}"`;
  const init: RequestInit = { method, headers };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (how.signal) init.signal = how.signal;
  const response = await ask(path, init, how.patienceMs);
  return response.status === 204 ? null : ((await response.json()) as unknown);
}

/** Every row of a list, page by page; `path` has its query already. */
export async function everyRow(path: string, member: string, most = 20_000): Promise<unknown[]> {
  const rows: unknown[] = [];
  let next: string | null = '';
  while (next !== null && rows.length < most) {
    const page: unknown = await getJson(next === '' ? path : `${path}&next=${encodeURIComponent(next)}`);
    rows.push(...list(object(page)[member]));
    next = text(object(page).next);
  }
  return rows;
}

/** A name as a part of an address. */
export const part = (name: string): string => encodeURIComponent(name);
