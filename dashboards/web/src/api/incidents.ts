// Incidents: alerts that belong together by place and cause.
import { SEVERITIES, type Words } from '../states';
import { finite, instant, list, object, oneOf, text, words } from './json';

export interface Incident {
  id: string;
  title: Partial<Words>;
  /** open, closed or merged. */
  state: string;
  changedAt: number;
  place: { lon: number; lat: number } | null;
  radiusM: number;
  unknownStations: number;
}

export function readIncident(value: unknown): Incident | null {
  const from = object(value);
  const id = text(from.id);
  const openedAt = instant(from.opened_at);
  if (id === null || oneOf(from.severity, SEVERITIES) === null || openedAt === null) return null;
  const [lon, lat] = list(object(from.geometry).coordinates).map(finite);
  return {
    id,
    title: words(from.title),
    state: text(from.state) ?? '',
    changedAt: instant(from.changed_at) ?? openedAt,
    place: typeof lon === 'number' && typeof lat === 'number' ? { lon, lat } : null,
    radiusM: finite(from.radius_m) ?? 0,
    unknownStations: finite(from.unknown_stations) ?? 0,
  };
}

export function readIncidents(value: unknown): Incident[] {
  return list(object(value).incidents).map(readIncident).filter((incident) => incident !== null);
}
