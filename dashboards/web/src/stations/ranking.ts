// Stations in the order of what they measure now, for whoever asks "where is it worst?" and knows no station by name.
// Only what is current and usable has a place in the order: an old value says nothing of now.
import type { Channel } from '../api/wire';
import { channelFreshness } from '../live/freshness';
import type { Seen } from '../live/picture.svelte';
import { isUsable } from '../states';

/** Properties of which more is worse, whatever the station. */
export const RANKED = ['vn_aqi', 'pm2_5', 'rain_24h', 'fire_danger_p', 'level_of_service'] as const;
export type Ranked = (typeof RANKED)[number];

export interface Placed {
  seen: Seen;
  channel: Channel;
  /** From 1 on; `null` for what has no current value. Equal values share a place. */
  place: number | null;
}

const channelOf = ({ station }: Seen, property: Ranked): Channel | undefined => station.channels.find((channel) => channel.property === property);

/** The rankings that some station can be in. */
export const offered = (all: readonly Seen[]): Ranked[] => RANKED.filter((property) => all.some((seen) => channelOf(seen, property) !== undefined));

/** The stations that carry the property: current values from the highest on, then the others as they came. */
export function ranking(all: readonly Seen[], property: Ranked, now: number): Placed[] {
  const found = all.flatMap((seen) => {
    const channel = channelOf(seen, property);
    if (!channel) return [];
    const freshness = channelFreshness(channel, now);
    const counts = channel.value !== null && isUsable(channel.quality) && (freshness === 'live' || freshness === 'late');
    return [{ seen, channel, value: counts ? channel.value : null }];
  });
  const current = found.filter(({ value }) => value !== null).sort((a, b) => (b.value ?? 0) - (a.value ?? 0));
  const others = found.filter(({ value }) => value === null);
  return [
    ...current.map(({ seen, channel, value }) => ({ seen, channel, place: 1 + current.findIndex((other) => other.value === value) })),
    ...others.map(({ seen, channel }) => ({ seen, channel, place: null })),
  ];
}
