// Days, buckets and amounts as planners read them.
import type { Language } from '../../states';
import { decimals, number, unitWords } from '../../words/properties';
import { hourMinute, shortDate } from '../../words/time';
import { dayOf, plusDays, type Day, type Period, type TickStep } from '../calendar';
import { unitOf, type Fn } from '../functions';

/** `31/10/2026`, in both languages. */
export function dayWords(day: Day): string {
  const [year, month, date] = day.split('-');
  return `${date}/${month}/${year}`;
}

/** First and last day, both inside. */
export const ends = ({ from, to }: Period): [string, string] => [dayWords(from), dayWords(plusDays(to, -1))];

/** A bucket's name: `10/2026`, `05/10/2026`, `05/10/2026 13:00`. */
export function bucketWords(at: number, every: string, language: Language): string {
  const day = dayOf(at);
  if (every.endsWith('y')) return day.slice(0, 4);
  if (every.endsWith('q')) return `${language === 'vi' ? 'Quý' : 'Q'} ${['I', 'II', 'III', 'IV'][Math.floor((Number(day.slice(5, 7)) - 1) / 3)] ?? ''}/${day.slice(0, 4)}`;
  if (every.endsWith('mo')) return `${day.slice(5, 7)}/${day.slice(0, 4)}`;
  if (every.endsWith('d') || every.endsWith('w')) return dayWords(day);
  return `${dayWords(day)} ${hourMinute(at, language)}`;
}

export function tickWords(at: number, step: TickStep, language: Language): string {
  const day = dayOf(at);
  if (step === 'year') return day.slice(0, 4);
  if (step === 'month') return `${day.slice(5, 7)}/${day.slice(0, 4)}`;
  const minute = hourMinute(at, language);
  return step === 'day' || minute === '00:00' ? shortDate(at, language) : minute;
}

/** `31/10/2026 13:05`. */
export const instantWords = (at: number, language: Language): string => `${dayWords(dayOf(at))} ${hourMinute(at, language)}`;

export function percent(share: number | null, language: Language): string {
  if (share === null) return '–';
  // Rounded down: what is not whole must not read 100 %.
  const shown = share >= 1 ? 100 : Math.min(99.9, Math.floor(share * 1000) / 10);
  const text = decimals(language, 0, shown < 10 || shown > 99 ? 1 : 0).format(shown > 99 || shown < 10 ? shown : Math.floor(shown));
  return `${text}\u00a0%`;
}

export const whole = (value: number, language: Language): string => decimals(language, 0, 0).format(value);

/** What a function gave, without its unit. */
export function result(value: number | null | undefined, fn: Fn, property: string, language: Language): string {
  if (value === null || value === undefined) return '–';
  if (fn === 'count') return whole(value, language);
  if (fn === 'exceedance_hours') return decimals(language, 1, 1).format(value);
  return number(value, property, language);
}

/** The unit of what a function gave. */
export function resultUnit(fn: Fn, unit: string, language: Language): string {
  const own = unitOf(fn);
  if (own === 'h') return language === 'vi' ? 'giờ' : 'h';
  return own === '1' ? '' : unitWords(unit, language);
}

export function resultQuantity(value: number | null | undefined, fn: Fn, property: string, unit: string, language: Language): string {
  const [text, suffix] = [result(value, fn, property, language), resultUnit(fn, unit, language)];
  return suffix === '' || text === '–' ? text : suffix === '°' || suffix === '%' ? `${text}${suffix}` : `${text}\u00a0${suffix}`;
}

export function bytesWords(bytes: number, language: Language): string {
  const [value, unit] = bytes < 1000 ? [bytes, 'B'] : bytes < 1_000_000 ? [bytes / 1000, 'kB'] : [bytes / 1_000_000, 'MB'];
  return `${decimals(language, 0, unit === 'B' ? 0 : 1).format(value)}\u00a0${unit}`;
}
