// The channels over which a rule can be drawn: those with the most alerts first.
import type { Rule } from '../../api/rules';
import type { Station } from '../../api/wire';
import { watches } from '../../rules/thresholds';
import type { Words } from '../../states';
import type { Count } from './trial';

export interface Candidate {
  id: string;
  name: Partial<Words>;
  alerts: number;
}

export function candidates(stations: readonly Station[], areas: ReadonlyArray<{ id: string; parent: string | null }>, rule: Rule, property: string, counts: readonly Count[]): Candidate[] {
  const parent = new Map(areas.map((area) => [area.id, area.parent]));
  const inside = (area: string | null): boolean => rule.areas.length === 0 || (area !== null && (rule.areas.includes(area) || rule.areas.includes(parent.get(area) ?? '')));
  const alerts = new Map(counts.map((count) => [count.name, count.alerts]));
  return stations
    .filter((station) => watches(rule, station) && inside(station.area) && station.channels.some((channel) => channel.property === property))
    .map(({ id, name }) => ({ id, name, alerts: alerts.get(id) ?? 0 }))
    .sort((a, b) => b.alerts - a.alerts);
}
