// What the map draws of stations, made from the picture: one feature each with what its layers read.
import type { FeatureCollection, Point } from 'geojson';
import type { Station } from '../api/wire';
import { channelFreshness } from '../live/freshness';
import type { Seen } from '../live/picture.svelte';
import { FRESHNESSES, isUsable, KINDS, rank, type Language } from '../states';
import { leadingProperty, quantity } from '../words/properties';
import { bodyImage } from './images';

/** Higher is drawn later, so above: alerts first of all, then stations that say something. */
function order({ station, freshness }: Seen): number {
  const alive = FRESHNESSES.length - FRESHNESSES.indexOf(freshness);
  return (rank(station.severity) + 1) * 1000 + alive * 10 + KINDS.indexOf(station.kind);
}

/** The value beside the symbol; none when it is old, because a number on a map looks current. */
function shownValue(station: Station, now: number, language: Language): string {
  const property = leadingProperty(station.channels.map((channel) => channel.property));
  const channel = station.channels.find((candidate) => candidate.property === property);
  if (!channel || !isUsable(channel.quality)) return '';
  const freshness = channelFreshness(channel, now);
  if (freshness !== 'live' && freshness !== 'late') return '';
  return quantity(channel.value, channel.property, channel.unit, language);
}

export function stationFeatures(seen: readonly Seen[], now: number, language: Language, values: 'with values' | 'symbols only'): FeatureCollection<Point> {
  return {
    type: 'FeatureCollection',
    features: seen.map(({ station, freshness }) => ({
      type: 'Feature',
      properties: {
        id: station.id,
        body: bodyImage(station.kind, freshness),
        severity: station.severity ?? '',
        order: order({ station, freshness }),
        value: values === 'with values' ? shownValue(station, now, language) : '',
      },
      geometry: { type: 'Point', coordinates: [station.lon, station.lat] },
    })),
  };
}
