// How current a value is, judged here as well as by the server: when no news comes, values must grow old by themselves.
// The limits are those of src/model/freshness.rs.
import { FRESHNESSES, type Freshness } from '../states';
import type { Channel, Station } from '../api/wire';

/** For a channel whose interval the server did not say. */
const INTERVAL_UNSAID_MS = 600_000;

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
  // The server sends the channel anew when it wakes; the night must not make it old.
  if (channel.asleep) return channel.declared;
  const byAge = freshnessByAge(now - channel.observedAt, channel.intervalMs ?? INTERVAL_UNSAID_MS, channel.graceMs);
  return worse(channel.declared, byAge);
}

/** A station is as fresh as its worst channel. */
export function stationFreshness(station: Station, now: number): Freshness {
  if (station.declared === 'maintenance') return 'maintenance';
  if (station.channels.length === 0) return 'silent';
  return station.channels.reduce<Freshness>((worst, channel) => worse(worst, channelFreshness(channel, now)), station.declared);
}
