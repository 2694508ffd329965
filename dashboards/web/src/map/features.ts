// What the map draws, made from the picture: one feature a station with what its layers read, and names of communes.
import type { Feature, FeatureCollection, Point } from 'geojson';
import type { AreaFeature, Station } from '../api/wire';
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

/** Names at the points that the server computed; a polygon's own label would vanish or double at a tile's edge. */
export function nameFeatures(areas: readonly AreaFeature[], language: Language): FeatureCollection<Point> {
  const features: Feature<Point>[] = [];
  for (const { properties } of areas) {
    const { label, name, level } = properties;
    if (label === null || level === 'province') continue;
    features.push({
      type: 'Feature',
      properties: { text: name[language] ?? name.vi ?? '' },
      geometry: { type: 'Point', coordinates: label },
    });
  }
  return { type: 'FeatureCollection', features };
}

/** The other provinces' names at their label points. */
export function provinceNameFeatures(provinces: FeatureCollection): FeatureCollection<Point> {
  return {
    type: 'FeatureCollection',
    features: provinces.features.map(({ properties }) => ({
      type: 'Feature',
      properties: { code: properties?.code as string, vi: properties?.name as string, en: properties?.name_en as string },
      geometry: { type: 'Point', coordinates: [properties?.label_lon as number, properties?.label_lat as number] },
    })),
  };
}
