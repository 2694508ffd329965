// What can be asked about: the channels of all stations, and the indices among them.
import { stepOf, type Index, type Step } from '../api/indices';
import type { Station } from '../api/wire';
import { matches } from '../stations/search';
import { leadingProperty, propertyWords } from '../words/properties';
import { isOwnValue, type Fn } from './functions';

export interface Listed {
  /** STATION/PROPERTY. */
  name: string;
  property: string;
  station: Station;
  unit: string;
  intervalMs: number | null;
  isEmpty: boolean;
  /** Everything that it is found by, in both languages. */
  found: readonly string[];
}

/** What the property is called; an index has its title from the server. */
export function nameOfProperty(property: string, indices: readonly Index[], language: 'vi' | 'en'): string {
  const title = indices.find(({ id }) => id === property)?.title;
  return title?.[language] ?? title?.vi ?? title?.en ?? propertyWords(property, language);
}

/** What an index' value means; `null` for amounts, and for what is no value of the index any more (a sum, a count). */
export function levelOf(indices: readonly Index[], property: string, fn: Fn, value: number): Step | null {
  return isOwnValue(fn) ? stepOf(indices.find(({ id }) => id === property), value) : null;
}

/** Every channel: those that speak for their stations first, those that never observed anything last. */
export function listed(stations: readonly Station[], indices: readonly Index[]): Listed[] {
  const all = stations.flatMap((station) => {
    const leading = leadingProperty(station.channels.map(({ property }) => property));
    return station.channels.map((channel, place) => ({
      name: `${station.id}/${channel.property}`,
      property: channel.property,
      station,
      unit: channel.unit,
      intervalMs: channel.intervalMs,
      isEmpty: channel.observedAt === null,
      found: [
        station.id, ...Object.values(station.name), ...Object.values(station.areaName), channel.property,
        nameOfProperty(channel.property, indices, 'vi'), nameOfProperty(channel.property, indices, 'en'),
      ],
      rank: (channel.property === leading ? 0 : 1) + (channel.observedAt === null ? 2 : 0) + place / 1000,
    }));
  });
  const byName = (station: Station): string => station.name.vi ?? station.name.en ?? station.id;
  return all.sort((a, b) => Math.floor(a.rank) - Math.floor(b.rank) || byName(a.station).localeCompare(byName(b.station), 'vi') || a.rank - b.rank);
}

export interface Sought {
  query: string;
  /** Empty: every one. */
  property: string;
  isIndex: boolean;
}

/** The channels that are meant. */
export function seek(all: readonly Listed[], indices: readonly Index[], { query, property, isIndex }: Sought): Listed[] {
  const derived = new Set(indices.map(({ id }) => id));
  return all.filter(
    (channel) =>
      derived.has(channel.property) === isIndex &&
      (property === '' || channel.property === property) &&
      (query.trim() === '' || matches(query.trim(), channel.found)),
  );
}
