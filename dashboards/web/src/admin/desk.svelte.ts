// Who is at the desk, where on the page they are, and what several sections need: stations and areas.
import { ApiError, getJson } from '../api/client';
import { list, object, text } from '../api/json';
import { readAreas, readMe, readStation, type AreaFeature, type Station } from '../api/wire';
import { speech } from '../words/language.svelte';
import { deeds } from './deeds.svelte';
import { may, type Asker, type Right } from './rights';
import { readRoute, writeRoute, type Route, type Section } from './route';
import { everyRow } from './send';
import { newestFirst, readRetired, type Retired } from './stations/retired';

export interface Area extends ReturnType<typeof areaOf> {}

function areaOf(value: unknown, feature: AreaFeature) {
  const from = object(object(value).properties);
  const stations = from.stations;
  return { ...feature.properties, parent: text(from.parent), stations: typeof stations === 'number' ? stations : null };
}

class Desk {
  /** `undefined` until the server has said who asks, `null` when it wants a sign-in. */
  me = $state.raw<Asker | null | undefined>(undefined);
  /** Why the page could not begin. */
  trouble = $state<string | null>(null);
  stations = $state.raw<readonly Station[]>([]);
  /** Those out of service, who went last first. */
  retired = $state.raw<readonly Retired[]>([]);
  shapes = $state.raw<readonly AreaFeature[]>([]);
  areas = $state.raw<readonly Area[]>([]);
  loaded = $state(false);
  route = $state.raw<Route>(readRoute(location.hash));

  may(right: Right): boolean {
    return !!this.me && may(this.me, right);
  }

  async start(): Promise<void> {
    this.trouble = null;
    window.addEventListener('hashchange', this.#moved);
    try {
      const said = await getJson('/api/v1/me');
      const areas = object(said).areas;
      this.me = { ...readMe(said), areas: Array.isArray(areas) ? list(areas).map(text).filter((code) => code !== null) : null };
      await Promise.all([this.reloadStations(), this.#readAreas()]);
      this.loaded = true;
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) this.me = null;
      else this.trouble = error instanceof Error ? error.message : String(error);
    }
  }

  stop(): void {
    window.removeEventListener('hashchange', this.#moved);
  }

  /** Up to which change the stations were read. */
  turn = $state(0);

  async reloadStations(): Promise<void> {
    this.turn = deeds.turn;
    const [rows, gone] = await Promise.all([everyRow('/api/v1/stations?limit=10000', 'features'), everyRow('/api/v1/retired-stations?limit=10000', 'stations')]);
    this.stations = rows.map(readStation).filter((station) => station !== null);
    this.retired = newestFirst(gone.map(readRetired).filter((station) => station !== null));
  }

  go(section: Section, subject = ''): void {
    const hash = writeRoute({ section, subject });
    if (location.hash === hash) return;
    history.pushState(null, '', hash);
    this.route = { section, subject };
  }

  areaName(code: string | null): string {
    if (code === null) return '';
    return speech.of(this.areas.find((area) => area.id === code)?.name) || code;
  }

  station(id: string): Station | undefined {
    return this.stations.find((station) => station.id === id);
  }

  /** Where a station stands, or stood last. */
  placeOf(id: string): { lon: number; lat: number } | undefined {
    return this.station(id) ?? this.retired.find((station) => station.id === id);
  }

  readonly #moved = (): void => {
    this.route = readRoute(location.hash);
  };

  async #readAreas(): Promise<void> {
    const said = await getJson('/api/v1/layers/areas');
    this.shapes = readAreas(said);
    const rows = new Map(list(object(said).features).map((row) => [text(object(row).id), row]));
    this.areas = this.shapes.map((shape) => areaOf(rows.get(shape.properties.id), shape));
  }
}

export const desk = new Desk();
