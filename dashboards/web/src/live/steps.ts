// The moments at which a slider through time stops: whole steps of the clock over the last two days, and now.
import { DAY_MS } from '../words/time';

/** How far back the slider reaches. */
export const REACH_MS = 2 * DAY_MS;
/** Lengths of a step that are offered, in minutes; each divides an hour. */
export const STEPS_MIN = [5, 15, 60] as const;
export type StepMin = (typeof STEPS_MIN)[number];

const MINUTE_MS = 60_000;
/** The server refuses the future, and its clock is only known to a second or so: what is not yet a minute old is now. */
const PRESENT_MS = MINUTE_MS;

/** The newest and the oldest past moment. */
export function ends(now: number, stepMin: StepMin): { newest: number; oldest: number } {
  const step = stepMin * MINUTE_MS;
  return { newest: Math.floor((now - PRESENT_MS) / step) * step, oldest: Math.ceil((now - REACH_MS) / step) * step };
}

/** How many past moments there are. */
export function count(now: number, stepMin: StepMin): number {
  const { newest, oldest } = ends(now, stepMin);
  return (newest - oldest) / (stepMin * MINUTE_MS) + 1;
}

/** The moment at a place of the slider: 0 is now (null), -1 the newest past moment. */
export function atPlace(place: number, now: number, stepMin: StepMin): number | null {
  if (place >= 0) return null;
  const { newest, oldest } = ends(now, stepMin);
  return Math.max(oldest, newest + (place + 1) * stepMin * MINUTE_MS);
}

/** The place of a moment: the nearest when it is none of the slider's. */
export function placeOf(at: number | null, now: number, stepMin: StepMin): number {
  if (at === null) return 0;
  const { newest } = ends(now, stepMin);
  const place = Math.round((at - newest) / (stepMin * MINUTE_MS)) - 1;
  return Math.min(-1, Math.max(-count(now, stepMin), place));
}

/** The next moment on either side; null is now, and before the oldest there is none. */
export function stepped(at: number | null, by: 1 | -1, now: number, stepMin: StepMin): number | null {
  const { newest, oldest } = ends(now, stepMin);
  if (at === null) return by === 1 ? null : newest;
  const step = stepMin * MINUTE_MS;
  const next = by === 1 ? Math.floor(at / step) * step + step : Math.ceil(at / step) * step - step;
  return next > newest ? null : Math.max(oldest, next);
}

/** The moments that follow while it plays, at most `most`. */
export function following(at: number, now: number, stepMin: StepMin, most: number): number[] {
  const found: number[] = [];
  for (let next = stepped(at, 1, now, stepMin); next !== null && found.length < most; next = stepped(next, 1, now, stepMin)) found.push(next);
  return found;
}

/** As the server names a moment, to the second and in UTC: no sign that an address would have to escape. */
export const atWords = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');
