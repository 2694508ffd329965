// Times and ages in words. Clock times are always those of Viet Nam, wherever the browser stands.
import type { Language } from '../states';
import type { Messages } from './vi';

export const ZONE = 'Asia/Ho_Chi_Minh';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
/** Viet Nam has stood at +07:00 all year since 1975. */
export const OFFSET_MS = 7 * HOUR_MS;

export const LOCALE: Readonly<Record<Language, string>> = { vi: 'vi-VN', en: 'en-GB' };

const formats = new Map<string, Intl.DateTimeFormat>();

function format(language: Language, key: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${language} ${key}`;
  let found = formats.get(name);
  if (!found) {
    found = new Intl.DateTimeFormat(LOCALE[language], { timeZone: ZONE, ...options });
    formats.set(name, found);
  }
  return found;
}

/** `10:32:07`. */
export function clockTime(at: number, language: Language): string {
  return format(language, 'clock', { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }).format(at);
}

/** `10:32`. */
export function hourMinute(at: number, language: Language): string {
  return format(language, 'minute', { hour: '2-digit', minute: '2-digit', hour12: false }).format(at);
}

/** `thứ Bảy, 21/11/2026`. */
export function longDate(at: number, language: Language): string {
  return format(language, 'date', { weekday: 'long', day: '2-digit', month: '2-digit', year: 'numeric' }).format(at);
}

/** `21/11` in both languages: Vietnamese data of ICU would write `21-11`. */
export function shortDate(at: number, language: Language): string {
  const parts = format(language, 'day', { day: '2-digit', month: '2-digit' }).formatToParts(at);
  const part = (type: string): string => parts.find((candidate) => candidate.type === type)?.value ?? '';
  return `${part('day')}/${part('month')}`;
}

/** `21/11 10:32`. */
export function dayMinute(at: number, language: Language): string {
  return `${shortDate(at, language)} ${hourMinute(at, language)}`;
}

/** `10:32` today, `21/11 10:32` on another day. */
export function moment(at: number, now: number, language: Language): string {
  return shortDate(at, language) === shortDate(now, language) ? hourMinute(at, language) : dayMinute(at, language);
}

/** How long ago, rounded down: an age must never look younger than the next unit says. Unit changes at 100 s, 100 min, 48 h. */
export function ago(ms: number, say: Messages): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -5) return say.ago.ahead;
  if (seconds < 1) return say.ago.now;
  if (seconds < 100) return say.ago.seconds(seconds);
  if (seconds < 6000) return say.ago.minutes(Math.floor(seconds / 60));
  if (seconds < 48 * 3600) return say.ago.hours(Math.floor(seconds / 3600));
  return say.ago.days(Math.floor(seconds / 86_400));
}

/** A length of time, rounded down. */
export function span(ms: number, say: Messages): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 100) return say.span.seconds(seconds);
  if (seconds < 6000) return say.span.minutes(Math.floor(seconds / 60));
  if (seconds < 48 * 3600) {
    const hours = Math.floor(seconds / 3600);
    const minutes = Math.floor((seconds % 3600) / 60);
    return minutes === 0 ? say.span.hours(hours) : say.span.hoursMinutes(hours, minutes);
  }
  return say.span.days(Math.floor(seconds / 86_400));
}

/** What an input of date and time shows: Viet Nam's clock. */
export function toInput(at: number): string {
  return new Date(at + OFFSET_MS).toISOString().slice(0, 16);
}

/** The moment that such an input says; null when it says none. */
export function fromInput(text: string): number | null {
  const at = Date.parse(`${text}:00+07:00`);
  return Number.isNaN(at) ? null : at;
}
