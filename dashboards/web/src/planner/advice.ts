// What to ask instead of a question that is too large.
import { bucketCount, lengthDays, longer, plusDays, type Every, type Period } from './calendar';
import { COSTLY } from './functions';
import { everyOf, type View } from './view';

export type Narrower =
  | { kind: 'longer'; every: Every; part: Partial<View> }
  | { kind: 'shorter'; period: Period; part: Partial<View> }
  | { kind: 'plain'; part: Partial<View> }
  | { kind: 'fewer'; channel: string; part: Partial<View> };

/** Buckets of one series that an advised question makes at the most. */
const FITS = 4_000;

/** Ways to ask for less that help for certain, the mildest first. */
export function narrower(view: View): Narrower[] {
  const found: Narrower[] = [];
  const every = everyOf(view);
  if (view.functions.some((fn) => COSTLY.includes(fn))) {
    found.push({ kind: 'plain', part: { functions: view.functions.filter((fn) => !COSTLY.includes(fn)) } });
  }
  let next = longer(every);
  while (next !== null && bucketCount(view.period, next) > FITS) next = longer(next);
  if (next !== null && bucketCount(view.period, next) >= 2) found.push({ kind: 'longer', every: next, part: { every: next } });
  const days = lengthDays(view.period);
  if (days > 1) {
    const kept = [365, 31, 7, 1].find((length) => length < days && bucketCount({ from: view.period.from, to: plusDays(view.period.from, length) }, every) <= FITS) ?? 1;
    const period = { from: plusDays(view.period.to, -kept), to: view.period.to };
    found.push({ kind: 'shorter', period, part: { period } });
  }
  const last = view.channels.at(-1);
  if (view.what === 'channels' && view.channels.length > 1 && last !== undefined) {
    found.push({ kind: 'fewer', channel: last, part: { channels: view.channels.slice(0, -1) } });
  }
  return found;
}
