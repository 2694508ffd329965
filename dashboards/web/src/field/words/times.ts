// Ages and clock times, by arithmetic alone: Viet Nam has been seven hours ahead since 1975.
import type { FieldMessages } from './vi';

/** How long ago, rounded down: an age must never look younger than the next unit says. */
export function ago(ms: number, say: FieldMessages): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < -5) return say.age.ahead;
  if (seconds < 5) return say.age.now;
  if (seconds < 100) return say.age.seconds(seconds);
  if (seconds < 6000) return say.age.minutes(Math.floor(seconds / 60));
  if (seconds < 48 * 3600) return say.age.hours(Math.floor(seconds / 3600));
  return say.age.days(Math.floor(seconds / 86_400));
}

/** `10:32` today, `10:32 21/11` on another day. */
export function clockOf(at: number, now: number): string {
  const [there, here] = [at, now].map((one) => new Date(one + 7 * 3_600_000).toISOString()) as [string, string];
  const time = there.slice(11, 16);
  return there.slice(0, 10) === here.slice(0, 10) ? time : `${time} ${there.slice(8, 10)}/${there.slice(5, 7)}`;
}

/** `12 kB`. */
export const size = (bytes: number): string => `${Math.max(1, Math.round(bytes / 1000))} kB`;
