// Stations that are out of service, the change that took one out, and whether it can be taken back.
import { finite, instant, object, oneOf, text, words } from '../../api/json';
import { KINDS, type Kind, type Words } from '../../states';
import { FILES, type Change } from './changes';

export interface Retired {
  id: string;
  kind: Kind | null;
  name: Partial<Words>;
  lon: number;
  lat: number;
  area: string | null;
  /** Null when nobody recorded it. */
  at: number | null;
}

export function readRetired(value: unknown): Retired | null {
  const from = object(value);
  const [id, lon, lat] = [text(from.id), finite(from.lon), finite(from.lat)];
  if (id === null || lon === null || lat === null) return null;
  return { id, kind: oneOf(from.kind, KINDS), name: words(from.name), lon, lat, area: text(from.area), at: instant(from.retired_at) };
}

/** The newest first: who went last is looked for most. */
export const newestFirst = (stations: readonly Retired[]): Retired[] => [...stations].sort((a, b) => (b.at ?? -Infinity) - (a.at ?? -Infinity) || a.id.localeCompare(b.id));

/** The change that took a station out of service: its newest one, if that did. */
export function retirement([newest]: readonly Change[]): Change | null {
  return newest?.fields.some(({ field, after }) => field === 'retired' && after === true) ? newest : null;
}

/** What the files took out comes back through the files alone. */
export const canReturn = (change: Change): boolean => change.author !== FILES;
