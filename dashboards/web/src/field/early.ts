// The answer that was asked for before the page was there (public/field-early.js).
import { object } from '../api/json';

/** Bytes of the first answer, so that the most urgent are there soon; the early question asks for the same. */
export const FIRST_BYTES = 8_192;
/** How long the early answer is waited for: one that hangs must not keep the page from asking itself. */
export const EARLY_MS = 20_000;
const CURSOR = 'saola.field.cursor';

/** Where new alerts are asked for. */
export function syncPath(budget: number, language: string, cursor: string | null): string {
  return `/api/v1/field/sync?budget=${budget}&lang=${language}${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`;
}

/** The early answer to just this question, once; null when there is none, or it was no success. */
export async function early(path: string): Promise<unknown> {
  const asked = object((globalThis as { saolaEarly?: unknown }).saolaEarly);
  forgetEarly();
  if (asked.path !== path) return null;
  const read = async (): Promise<unknown> => {
    const answer = await (asked.answer as Promise<Response | null>);
    return answer?.ok ? answer.json().catch(() => null) : null;
  };
  return Promise.race([read(), new Promise((resolve) => setTimeout(resolve, EARLY_MS, null))]);
}

/** What was answered before something was sent is old by then. */
export function forgetEarly(): void {
  delete (globalThis as { saolaEarly?: unknown }).saolaEarly;
}

/** Tells the next visit what the phone holds. */
export function noteCursor(cursor: string | null): void {
  try {
    if (cursor === null) localStorage.removeItem(CURSOR);
    else localStorage.setItem(CURSOR, cursor);
  } catch {
    // Then the next visit asks a little later.
  }
}
