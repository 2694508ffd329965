// One picture of buckets as path data: bars for amounts, lines for the rest, a strip of completeness under them.
//
// Each kind of firmness has its own path, so that a picture of thousands of buckets is a few elements. The words for
// what is drawn how are in FirmnessLegend.svelte; the patterns are in Chart.svelte.
import type { Bucket, Series } from './answer';
import { firmness, otherFirmness, type Firmness } from './firmness';
import { isAdded, type Fn } from './functions';
import { markAt } from './looks';

export interface Frame {
  left: number;
  top: number;
  width: number;
  height: number;
  /** Milliseconds since 1970 at the left and at the right edge. */
  from: number;
  to: number;
  /** Values at the bottom and at the top. */
  low: number;
  high: number;
}

export interface Drawn {
  /** Bars, or line segments between two buckets of the same kind. */
  bodies: Readonly<Record<Firmness, string>>;
  /** Marks of single buckets: filled where firm, hollow where not. */
  marks: Readonly<Record<Firmness, string>>;
  /** The period compared with: outlines of bars, or a dashed line; apart where it is thin itself. */
  other: string;
  otherWeak: string;
  /** Where samples were expected and there is no value. */
  holes: ReadonlyArray<{ x: number; width: number }>;
  /** Above thin bars: a bar of zero height would not show that it is thin. */
  doubts: ReadonlyArray<{ x: number; y: number }>;
}

/** Above so many buckets single marks would run together; thin and lonely ones keep theirs. */
const MARKS_MAX = 70;
/** Narrower bars have no room for a sign above them. */
const DOUBT_MIN = 5;

const one = (value: number): string => value.toFixed(1);
export const xOf = (frame: Frame, at: number): number => frame.left + ((at - frame.from) / (frame.to - frame.from)) * frame.width;
export const yOf = (frame: Frame, value: number): number => frame.top + frame.height - ((value - frame.low) / (frame.high - frame.low)) * frame.height;

/** Round numbers between two, about `most` of them, the ends among them. */
export function niceScale(low: number, high: number, most: number): { low: number; high: number; step: number } {
  const span = high > low ? high - low : Math.max(Math.abs(high), 1);
  const rough = span / Math.max(1, most);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough * 0.999) ?? rough;
  return { low: Math.floor(low / step + 1e-9) * step, high: Math.ceil((high > low ? high : low + span) / step - 1e-9) * step, step };
}

export function valueTicks(scale: { low: number; high: number; step: number }): number[] {
  const count = Math.round((scale.high - scale.low) / scale.step);
  return Array.from({ length: count + 1 }, (_, place) => Number((scale.low + place * scale.step).toPrecision(12)));
}

/** The values that a picture of these must have room for. Amounts begin at zero. */
export function extent(series: readonly Series[], fn: Fn, lines: readonly number[]): [number, number] {
  let [low, high] = isAdded(fn) ? [0, 0] : [Infinity, -Infinity];
  const take = (value: number | null | undefined): void => {
    if (value === null || value === undefined) return;
    low = Math.min(low, value);
    high = Math.max(high, value);
  };
  for (const { buckets } of series) {
    for (const bucket of buckets) {
      take(bucket.values[fn]);
      take(bucket.other?.values[fn]);
    }
  }
  lines.forEach(take);
  if (!Number.isFinite(low)) return [0, 1];
  if (!isAdded(fn) && low >= 0 && low < high * 0.5) low = 0;
  return high > low ? [low, high] : [low >= 0 ? 0 : low - 1, high <= 0 ? 1 : high * 1.1];
}

/** A hole more; those that touch are one. */
function addHole(holes: Array<{ x: number; width: number }>, frame: Frame, bucket: Bucket): void {
  const [x, end] = [xOf(frame, bucket.at), xOf(frame, bucket.end)];
  const last = holes.at(-1);
  if (last && Math.abs(last.x + last.width - x) < 0.01) last.width = end - last.x;
  else holes.push({ x, width: end - x });
}

const noPaths = (): Record<Firmness, string> => ({ firm: '', partial: '', thin: '', scant: '', none: '', ahead: '' });

/** The place of a series' bar inside its bucket: x and width. */
function slot(frame: Frame, bucket: Bucket, place: number, of: number): [number, number] {
  const [left, right] = [xOf(frame, bucket.at), xOf(frame, bucket.end)];
  const room = right - left;
  const gap = room > 6 ? Math.min(room * 0.16, 8) : room > 2.5 ? 0.6 : 0;
  const width = Math.max((room - gap) / of, 0.6);
  return [left + gap / 2 + place * width, width];
}

/** Buckets narrower than a pixel: of each kind the greatest of each pixel, so that no peak and no doubt is lost. */
function denseBars(frame: Frame, series: Series, fn: Fn): Drawn {
  const bodies = noPaths();
  const holes: Array<{ x: number; width: number }> = [];
  const zero = yOf(frame, Math.max(frame.low, 0));
  const tops = new Map<string, { kind: Firmness; x: number; y: number }>();
  const others = new Map<string, { isFirm: boolean; x: number; y: number }>();
  for (const bucket of series.buckets) {
    const value = bucket.values[fn] ?? null;
    const kind = firmness(bucket, value);
    const x = Math.floor(xOf(frame, bucket.at));
    if (kind === 'none') addHole(holes, frame, bucket);
    if (value !== null) {
      const y = yOf(frame, value);
      const known = tops.get(`${kind}${x}`);
      tops.set(`${kind}${x}`, { kind, x, y: Math.min(known?.y ?? y, y) });
    }
    const compared = bucket.other?.values[fn] ?? null;
    if (compared !== null && bucket.other) {
      const isFirm = otherFirmness(bucket.other, compared) === 'firm';
      const y = yOf(frame, compared);
      others.set(`${isFirm}${x}`, { isFirm, x, y: Math.min(others.get(`${isFirm}${x}`)?.y ?? y, y) });
    }
  }
  for (const { kind, x, y } of tops.values()) bodies[kind] += `M${x} ${one(zero)}V${one(Math.min(y, zero - 1.2))}h1V${one(zero)}z`;
  let [other, otherWeak] = ['', ''];
  for (const { isFirm, x, y } of others.values()) {
    if (isFirm) other += `M${x} ${one(y)}h1`;
    else otherWeak += `M${x} ${one(y)}h1`;
  }
  return { bodies, marks: noPaths(), other, otherWeak, holes, doubts: [] };
}

/** Whether buckets are so many that several share a pixel. */
const isDense = (frame: Frame, series: Series): boolean => series.buckets.length > frame.width;

function bars(frame: Frame, series: Series, fn: Fn, place: number, of: number): Drawn {
  if (isDense(frame, series)) return denseBars(frame, series, fn);
  const bodies = noPaths();
  const holes: Array<{ x: number; width: number }> = [];
  const doubts: Array<{ x: number; y: number }> = [];
  const zero = yOf(frame, Math.max(frame.low, 0));
  let [other, otherWeak] = ['', ''];
  for (const bucket of series.buckets) {
    const value = bucket.values[fn] ?? null;
    const kind = firmness(bucket, value);
    const [x, width] = slot(frame, bucket, place, of);
    const space = width > 4 ? 1 : 0;
    if (kind === 'none') addHole(holes, frame, bucket);
    if (value !== null) {
      const y = yOf(frame, value);
      // Zero of a bucket that was heard is drawn too: it did not rain, which is not the same as not knowing.
      const top = Math.abs(zero - y) < 1.2 ? zero - 1.2 : y;
      bodies[kind] += `M${one(x)} ${one(zero)}V${one(top)}h${one(width - space)}V${one(zero)}z`;
      if ((kind === 'thin' || kind === 'scant') && width > DOUBT_MIN) doubts.push({ x: x + (width - space) / 2, y: Math.min(top, zero) - 4 });
    }
    const compared = bucket.other?.values[fn] ?? null;
    if (compared !== null && bucket.other) {
      const y = yOf(frame, compared);
      const shape = `M${one(x)} ${one(y)}h${one(width - space)}${width > 5 ? `M${one(x + (width - space) / 2)} ${one(zero)}V${one(y)}` : ''}`;
      if (otherFirmness(bucket.other, compared) === 'firm') other += shape;
      else otherWeak += shape;
    }
  }
  return { bodies, marks: noPaths(), other, otherWeak, holes, doubts };
}

/** The kind of a line between two buckets: as weak as the weaker one. */
const WEAKER: readonly Firmness[] = ['scant', 'thin', 'partial', 'firm'];
const weaker = (a: Firmness, b: Firmness): Firmness => WEAKER.find((kind) => kind === a || kind === b) ?? 'scant';

function line(frame: Frame, series: Series, fn: Fn, place: number): Drawn {
  const bodies = noPaths();
  const marks = noPaths();
  const holes: Array<{ x: number; width: number }> = [];
  const few = series.buckets.length <= MARKS_MAX;
  let before: { x: number; y: number; kind: Firmness; lonely: boolean } | null = null;
  let [other, otherWeak] = ['', ''];
  let otherBefore: { x: number; y: number; isFirm: boolean } | null = null;
  const lonelyMark = (): void => {
    if (before?.lonely && !few) marks[before.kind] += markAt(place, before.x, before.y);
  };
  for (const bucket of series.buckets) {
    const value = bucket.values[fn] ?? null;
    const kind = firmness(bucket, value);
    const x = (xOf(frame, bucket.at) + xOf(frame, bucket.end)) / 2;
    const compared = bucket.other?.values[fn] ?? null;
    if (compared === null || !bucket.other) {
      otherBefore = null;
    } else {
      const is: { x: number; y: number; isFirm: boolean } = { x, y: yOf(frame, compared), isFirm: otherFirmness(bucket.other, compared) === 'firm' };
      const path: string = otherBefore ? `M${one(otherBefore.x)} ${one(otherBefore.y)}L${one(is.x)} ${one(is.y)}` : '';
      if (is.isFirm && otherBefore?.isFirm) other += path;
      else otherWeak += path;
      otherBefore = is;
    }
    if (value === null) {
      if (kind === 'none') addHole(holes, frame, bucket);
      lonelyMark();
      before = null;
      continue;
    }
    const y = yOf(frame, value);
    if (before) {
      bodies[weaker(before.kind, kind)] += `M${one(before.x)} ${one(before.y)}L${one(x)} ${one(y)}`;
      before.lonely = false;
    }
    if (few || (kind !== 'firm' && series.buckets.length <= 4 * MARKS_MAX)) marks[kind] += markAt(place, x, y);
    before = { x, y, kind, lonely: before === null };
  }
  lonelyMark();
  return { bodies, marks, other, otherWeak, holes, doubts: [] };
}

/** A series as path data; `place` of `of` series. */
export function draw(frame: Frame, series: Series, fn: Fn, place: number, of: number): Drawn {
  return isAdded(fn) ? bars(frame, series, fn, place, of) : line(frame, series, fn, place);
}

export interface Strip {
  /** Bars as high as the part of the expected samples that came. */
  have: string;
  /** Buckets of which nothing came. */
  missing: string;
}

/** How complete a series is, bucket by bucket, in a strip of its own. */
export function strip(frame: Frame, series: Series, top: number, height: number): Strip {
  let [have, missing] = ['', ''];
  if (isDense(frame, series)) {
    // The worst of each pixel: a gap of minutes in a year is still seen.
    const worst = new Map<number, number>();
    for (const bucket of series.buckets) {
      const x = Math.floor(xOf(frame, bucket.at));
      if (bucket.completeness !== null) worst.set(x, Math.min(worst.get(x) ?? 1, bucket.completeness));
    }
    for (const [x, share] of worst) {
      if (share === 0) missing += `M${x} ${one(top)}h1v${one(height)}h-1z`;
      else have += `M${x} ${one(top + height)}v${one(-share * height)}h1v${one(share * height)}z`;
    }
    return { have, missing };
  }
  for (const bucket of series.buckets) {
    if (bucket.completeness === null) continue;
    const [left, right] = [xOf(frame, bucket.at), xOf(frame, bucket.end)];
    const width = Math.max(right - left - (right - left > 4 ? 1 : 0), 0.5);
    const high = bucket.completeness * height;
    if (bucket.completeness === 0) missing += `M${one(left)} ${one(top)}h${one(width)}v${one(height)}h${one(-width)}z`;
    else have += `M${one(left)} ${one(top + height)}v${one(-high)}h${one(width)}v${one(high)}z`;
  }
  return { have, missing };
}

/** The bucket under a place of the picture; `null` beside all of them. */
export function bucketAt(frame: Frame, buckets: readonly Bucket[], x: number): number | null {
  const at = frame.from + ((x - frame.left) / frame.width) * (frame.to - frame.from);
  const place = buckets.findIndex((bucket) => bucket.at <= at && at < bucket.end);
  return place === -1 ? null : place;
}
