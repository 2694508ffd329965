// How many stations there are and how they stand, as the server counts them (src/api/overview.rs).
import { FRESHNESSES, KINDS, type Freshness, type Kind } from '../states';
import { finite, instant, list, object, text, words } from './json';
import type { Station } from './wire';

export interface Overview {
  /** The moment that is counted, milliseconds since 1970. */
  at: number;
  /** Another number when any station would be drawn differently. */
  revision: number;
  stations: number;
  /** Those of them that the filter admits. */
  chosen: number;
  freshness: Readonly<Record<Freshness, number>>;
  kinds: ReadonlyMap<Kind, number>;
  /** Where stations stand. */
  areas: readonly Pick<Station, 'area' | 'areaName'>[];
}

/** The counts; `null` when it is something else. */
export function readOverview(value: unknown): Overview | null {
  const from = object(value);
  const at = instant(from.at);
  const stations = finite(from.stations);
  if (at === null || stations === null) return null;
  const [freshness, kinds] = [object(from.freshness), object(from.kinds)];
  const areas = list(from.areas).map(object).map(({ id, name }) => ({ area: text(id), areaName: words(name) }));
  return {
    at,
    revision: finite(from.revision) ?? 0,
    stations,
    chosen: finite(from.chosen) ?? 0,
    freshness: Object.fromEntries(FRESHNESSES.map((name) => [name, finite(freshness[name]) ?? 0])) as Record<Freshness, number>,
    kinds: new Map(KINDS.map((kind) => [kind, finite(kinds[kind]) ?? 0] as const).filter(([, count]) => count > 0)),
    areas,
  };
}
