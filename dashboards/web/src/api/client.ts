// Requests to the server. The session is a cookie that scripts cannot read, so nothing here carries a secret.

/** An answer that is not a success (RFC 9457 problem details), or none at all (`status` 0). */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    /** What the server holds instead, when the caller's version was another (412). */
    readonly present: unknown = null,
    /** The whole document: fields that are wrong, mistakes in a text. */
    readonly problem: Readonly<Record<string, unknown>> = {},
  ) {
    super(message);
  }
}

/** Longer than the server takes for anything that this page asks, shorter than an operator's patience. */
const PATIENCE_MS = 20_000;

/** The answer, when it is a success. `signal` gives up before the patience ends (code `given_up`). */
export async function ask(path: string, init: RequestInit = {}, patienceMs = PATIENCE_MS): Promise<Response> {
  const patience = AbortSignal.timeout(patienceMs);
  const signal = init.signal ? AbortSignal.any([init.signal, patience]) : patience;
  let response: Response;
  try {
    response = await fetch(path, { ...init, credentials: 'same-origin', signal });
  } catch (cause) {
    if (init.signal?.aborted) throw new ApiError(0, 'given_up', 'given up');
    throw new ApiError(0, 'unreachable', cause instanceof Error ? cause.message : 'no answer');
  }
  if (response.ok) return response;
  let problem: { code?: unknown; title?: unknown; detail?: unknown; present?: unknown } = {};
  try {
    problem = (await response.json()) as typeof problem;
  } catch {
    // The body is not problem details (a proxy's page): the status says enough.
  }
  const said = [problem.detail, problem.title].find((part) => typeof part === 'string');
  const code = typeof problem.code === 'string' ? problem.code : `http_${response.status}`;
  throw new ApiError(response.status, code, typeof said === 'string' ? said : `HTTP ${response.status}`, problem.present ?? null, problem);
}

export async function getJson(path: string, patienceMs = PATIENCE_MS): Promise<unknown> {
  const response = await ask(path, { headers: { accept: 'application/json, application/geo+json' } }, patienceMs);
  return (await response.json()) as unknown;
}

/** An answer that is told apart by its body and not by its status: readiness says 503 and why. */
export async function getJsonWhatever(path: string): Promise<unknown> {
  try {
    const response = await fetch(path, { headers: { accept: 'application/json' }, credentials: 'same-origin', signal: AbortSignal.timeout(PATIENCE_MS) });
    return (await response.json()) as unknown;
  } catch (cause) {
    throw new ApiError(0, 'unreachable', cause instanceof Error ? cause.message : 'no answer');
  }
}

/** Whether the server answers at all, and soon. */
export async function answers(withinMs: number): Promise<boolean> {
  try {
    return (await fetch('/healthz', { cache: 'no-store', signal: AbortSignal.timeout(withinMs) })).ok;
  } catch {
    return false;
  }
}

export interface Wish {
  path: string;
  body: object;
  /** The same for every repeat of one wish: it is then done once. */
  key: string;
  /** Only when it still has this version. */
  version?: number;
}

export async function post({ path, body, key, version }: Wish): Promise<unknown> {
  const headers: Record<string, string> = { 'content-type': 'application/json', 'idempotency-key': key };
  if (version !== undefined) headers['if-match'] = `"${version}"`;
  const response = await ask(path, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as unknown;
}

export async function signIn(name: string, password: string): Promise<void> {
  await ask('/api/v1/session', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  });
}

export async function signOut(): Promise<void> {
  await ask('/api/v1/session', { method: 'DELETE' });
}

/** The last hours of a channel, as the server stored them. */
export function historyPath(channel: string, hours = 24): string {
  return `/api/v1/history?${new URLSearchParams({ channel, from: `-${hours}h`, format: 'json' }).toString()}`;
}

/** The last week in hours: their means and extremes, and how complete they are. */
export function weekPath(channel: string): string {
  return `/api/v1/history?${new URLSearchParams({ channel, from: '-7d', every: '1h', fn: 'mean,min,max', format: 'json' }).toString()}`;
}
