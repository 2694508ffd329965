// How current a value is, judged here as well as by the server: when no news comes, values must grow old by themselves.
// The limits are those of src/model/freshness.rs.
import { FRESHNESSES, type Freshness } from '../states';
import type { Channel, Station } from '../api/wire';

/** For a channel whose interval the server did not say. */
const INTERVAL_UNSAID_MS = 600_000;

/** How many intervals old a value is at most. */
const INTERVALS: Readonly<Partial<Record<Freshness, number>>> = { live: 1, late: 2, stale: 5 };

/** By age alone: at most 1, 2, 5 intervals old, plus the link's grace. */
export function freshnessByAge(ageMs: number, intervalMs: number, graceMs: number): Freshness {
  if (ageMs <= intervalMs + graceMs) return 'live';
  if (ageMs <= 2 * intervalMs + graceMs) return 'late';
  if (ageMs <= 5 * intervalMs + graceMs) return 'stale';
  return 'silent';
}

function worse(a: Freshness, b: Freshness): Freshness {
  return FRESHNESSES.indexOf(a) >= FRESHNESSES.indexOf(b) ? a : b;
}

/** The worse of what the server said and what the age says now. */
export function channelFreshness(channel: Channel, now: number): Freshness {
  if (channel.declared === 'maintenance') return 'maintenance';
  if (channel.observedAt === null) return 'silent';
  const intervalMs = channel.intervalMs ?? INTERVAL_UNSAID_MS;
  // A device's sleep does not make it old: counted back from where the server says that its freshness ends.
  const age =
    channel.freshUntil === null
      ? now - channel.observedAt
      : (INTERVALS[channel.declared] ?? 0) * intervalMs + channel.graceMs + now - channel.freshUntil;
  const byAge = freshnessByAge(age, intervalMs, channel.graceMs);
  return worse(channel.declared, byAge);
}

/** When a station last observed anything; 0 when it never did. */
export function lastObserved(station: Station): number {
  return Math.max(0, ...station.channels.map(({ observedAt }) => observedAt ?? 0));
}

/** A station is as fresh as its worst channel. */
export function stationFreshness(station: Station, now: number): Freshness {
  if (station.declared === 'maintenance') return 'maintenance';
  if (station.channels.length === 0) return 'silent';
  return station.channels.reduce<Freshness>((worst, channel) => worse(worst, channelFreshness(channel, now)), station.declared);
}
