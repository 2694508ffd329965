// Days, periods and buckets of Viet Nam's calendar, as the planner asks for them. The server judges buckets by its own
// time-zone database.
import { DAY_MS, HOUR_MS, OFFSET_MS } from '../words/time';

/** A day of the calendar, `2026-10-31`. */
export type Day = string;

export interface Period {
  from: Day;
  /** The first day that is no longer part of it. */
  to: Day;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Before, Saigon stood at +08:00; nothing was observed then. */
const EARLIEST: Day = '1976-01-01';

export function isDay(text: string): boolean {
  return DAY.test(text) && text >= EARLIEST && text <= '9000-01-01' && !Number.isNaN(Date.parse(text)) && dayOf(startOf(text)) === text;
}

export const dayOf = (at: number): Day => new Date(at + OFFSET_MS).toISOString().slice(0, 10);
export const startOf = (day: Day): number => Date.parse(`${day}T00:00:00Z`) - OFFSET_MS;
export const plusDays = (day: Day, days: number): Day => dayOf(startOf(day) + days * DAY_MS);
export const lengthDays = ({ from, to }: Period): number => Math.round((startOf(to) - startOf(from)) / DAY_MS);

/** The first day of the month so many months on. */
function monthStart(day: Day, months: number): Day {
  const [year = 0, month = 1] = day.split('-').map(Number);
  return new Date(Date.UTC(year, month - 1 + months, 1)).toISOString().slice(0, 10);
}

const yearStart = (day: Day, years: number): Day => `${String(Number(day.slice(0, 4)) + years).padStart(4, '0')}-01-01`;

export const PRESETS = ['days7', 'days30', 'thisMonth', 'lastMonth', 'thisYear', 'lastYear'] as const;
export type Preset = (typeof PRESETS)[number];

/** The days that a preset means now. They are written into the link as days, so that it says the same tomorrow. */
export function presetPeriod(preset: Preset, now: number): Period {
  const today = dayOf(now);
  const tomorrow = plusDays(today, 1);
  switch (preset) {
    case 'days7':
      return { from: plusDays(today, -6), to: tomorrow };
    case 'days30':
      return { from: plusDays(today, -29), to: tomorrow };
    case 'thisMonth':
      return { from: monthStart(today, 0), to: tomorrow };
    case 'lastMonth':
      return { from: monthStart(today, -1), to: monthStart(today, 0) };
    case 'thisYear':
      return { from: yearStart(today, 0), to: tomorrow };
    case 'lastYear':
      return { from: yearStart(today, -1), to: yearStart(today, 0) };
  }
}

/** The instant at which a year is over. */
export const yearEnd = (year: number): number => startOf(`${String(year + 1).padStart(4, '0')}-01-01`);

/** From the first day of the year so many before this one until today. */
export function yearsBack(years: number, now: number): Period {
  const today = dayOf(now);
  return { from: yearStart(today, -years), to: plusDays(today, 1) };
}

export function presetOf(period: Period, now: number): Preset | null {
  return PRESETS.find((preset) => {
    const { from, to } = presetPeriod(preset, now);
    return from === period.from && to === period.to;
  }) ?? null;
}

/** The period as long before, ending where this one begins. */
export function before(period: Period): Period {
  const { from, to } = period;
  const isMonths = from.endsWith('-01') && to.endsWith('-01');
  if (!isMonths) return { from: plusDays(from, -lengthDays(period)), to: from };
  const months = (Number(to.slice(0, 4)) - Number(from.slice(0, 4))) * 12 + Number(to.slice(5, 7)) - Number(from.slice(5, 7));
  return { from: monthStart(from, -months), to: from };
}

/** The buckets that are offered, and about how long each is. */
export const EVERIES = [
  ['1m', 60_000],
  ['5m', 300_000],
  ['10m', 600_000],
  ['15m', 900_000],
  ['30m', 1_800_000],
  ['1h', HOUR_MS],
  ['3h', 3 * HOUR_MS],
  ['6h', 6 * HOUR_MS],
  ['12h', 12 * HOUR_MS],
  ['1d', DAY_MS],
  ['1w', 7 * DAY_MS],
  ['1mo', 30.44 * DAY_MS],
  ['1q', 91.3 * DAY_MS],
  ['1y', 365.25 * DAY_MS],
] as const;
export type Every = (typeof EVERIES)[number][0];

export const everyMs = (every: Every): number => EVERIES.find(([word]) => word === every)?.[1] ?? DAY_MS;

export const isEvery = (text: string): text is Every => EVERIES.some(([word]) => word === text);

/** Buckets that can be read in one picture, when nobody has chosen. */
export function fittingEvery(period: Period): Every {
  const days = lengthDays(period);
  if (days <= 1) return '15m';
  if (days <= 10) return '1h';
  if (days <= 120) return '1d';
  return days <= 1500 ? '1mo' : '1y';
}

/** About how many buckets a period makes for each series. */
export const bucketCount = (period: Period, every: Every): number => Math.ceil((lengthDays(period) * DAY_MS) / everyMs(every));

/** The next longer bucket; `null` after the longest. */
export function longer(every: Every): Every | null {
  const place = EVERIES.findIndex(([word]) => word === every);
  return EVERIES[place + 1]?.[0] ?? null;
}

export type TickStep = 'hour' | 'day' | 'month' | 'year';

const STEPS: ReadonlyArray<readonly [TickStep, number, number]> = [
  ...[1, 3, 6, 12].map((count) => ['hour', count, count * HOUR_MS] as const),
  ...[1, 2, 5, 10].map((count) => ['day', count, count * DAY_MS] as const),
  ...[1, 2, 3, 6].map((count) => ['month', count, count * 30.44 * DAY_MS] as const),
  ...[1, 2, 5, 10, 50].map((count) => ['year', count, count * 365.25 * DAY_MS] as const),
];

export interface Ticks {
  step: TickStep;
  at: number[];
}

/** Where the time axis is marked: at hours, days, months or years of the calendar, `most` of them at the most. */
export function timeTicks(from: number, to: number, most: number): Ticks {
  const fits = STEPS.find(([, , length]) => (to - from) / length <= most) ?? STEPS[STEPS.length - 1];
  const [step, count] = fits ?? ['year', 100];
  const at: number[] = [];
  const first = new Date(from + OFFSET_MS);
  const [year, month, day] = [first.getUTCFullYear(), first.getUTCMonth(), first.getUTCDate()];
  for (let place = 0; place < 5_000; place += 1) {
    let local: number;
    if (step === 'hour') local = Date.UTC(year, month, day, place * count);
    else if (step === 'month') local = Date.UTC(year, Math.floor(month / count) * count + place * count, 1);
    else if (step === 'year') local = Date.UTC((Math.floor(year / count) + place) * count, 0, 1);
    else {
      // Days begin anew with each month, or the first of a month would go without its mark.
      local = Date.UTC(year, month, day + place);
      const date = new Date(local).getUTCDate();
      if (count > 1 && ((date - 1) % count !== 0 || date > 31 - count / 2)) continue;
    }
    const instant = local - OFFSET_MS;
    if (instant > to) break;
    if (instant >= from) at.push(instant);
  }
  return { step, at };
}
