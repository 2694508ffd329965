// Why a past moment cannot be shown.
import { ApiError } from '../api/client';

/** Why a moment is not shown. */
export type Why =
  /** Nothing is stored from before `begin`. */
  | { kind: 'before'; begin: number }
  /** The store cannot tell of moments at all. */
  | { kind: 'present-only' }
  /** The store lags behind what has come in: it is asked again. */
  | { kind: 'lags' }
  | { kind: 'failed'; reason: string }
  /** Stations are grouped, and the map could not load those of then. */
  | { kind: 'unmapped'; reason: string };

/** What a failed asking says. */
export function whyNot(error: unknown): Why {
  if (!(error instanceof ApiError)) return { kind: 'failed', reason: error instanceof Error ? error.message : String(error) };
  if (error.code === 'not_supported') return { kind: 'present-only' };
  if (error.status === 503) return { kind: 'lags' };
  return { kind: 'failed', reason: error.message };
}

/** The same of tiles, whose answers have a status and no code. */
export function whyUnmapped(error: unknown): Why {
  const status = error instanceof Error && 'status' in error && typeof error.status === 'number' ? error.status : null;
  if (status === 503) return { kind: 'lags' };
  if (status !== null) return { kind: 'unmapped', reason: `HTTP ${status}` };
  return { kind: 'unmapped', reason: error instanceof Error ? error.message : String(error) };
}
