// The current picture: stations, areas and alerts as last heard, kept up to date by the stream.
//
// Objects are replaced, never changed, and `version` counts the replacements: one number is cheaper to watch than
// thousands of stations. Events wait up to a quarter of a second and are applied together.
import { SvelteMap } from 'svelte/reactivity';
import type { FeatureCollection } from 'geojson';
import { getJson } from '../api/client';
import { readAlertEvent, readAlerts, readArea, readStations, type Alert, type Area, type Station } from '../api/wire';
import { FRESHNESSES, SEVERITIES, type Freshness, type Severity } from '../states';
import { isOpen } from '../alerts/order';
import { clock } from './clock.svelte';
import { stationFreshness } from './freshness';

/** A station and how it stands now. */
export interface Seen {
  station: Station;
  freshness: Freshness;
}

/** News of an alert, for the highlight and for those who listen instead of looking. */
export interface News {
  alert: Alert;
  what: 'new' | 'worse' | 'cleared';
  at: number;
}

const GATHER_MS = 250;
/** How long a new alert stays highlighted. */
export const NEWS_MS = 60_000;
/** Cleared alerts kept in memory, so that a screen that runs for months does not grow. */
const CLEARED_MAX = 60;

class Picture {
  version = $state(0);
  areas = $state.raw<FeatureCollection | null>(null);
  loaded = $state(false);
  news = $state.raw<readonly News[]>([]);
  readonly alerts = new SvelteMap<string, Alert>();

  #stations = new Map<string, Station>();
  #areaNames = new Map<string, Area>();
  #waiting: Station[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Every station with its freshness now: recomputed every second, because values grow old by themselves. */
  readonly seen: readonly Seen[] = $derived.by(() => {
    void this.version;
    const now = clock.now;
    return [...this.#stations.values()].map((station) => ({ station, freshness: stationFreshness(station, now) }));
  });

  readonly byFreshness: Readonly<Record<Freshness, number>> = $derived.by(() => {
    const counts = Object.fromEntries(FRESHNESSES.map((name) => [name, 0])) as Record<Freshness, number>;
    for (const { freshness } of this.seen) counts[freshness] += 1;
    return counts;
  });

  readonly openBySeverity: Readonly<Record<Severity, number>> = $derived.by(() => {
    const counts = Object.fromEntries(SEVERITIES.map((name) => [name, 0])) as Record<Severity, number>;
    for (const alert of this.alerts.values()) if (isOpen(alert)) counts[alert.severity] += 1;
    return counts;
  });

  station(id: string | null): Station | undefined {
    void this.version;
    return id === null ? undefined : this.#stations.get(id);
  }

  areaName(id: string | null): Area['name'] | null {
    void this.version;
    return id === null ? null : (this.#areaNames.get(id)?.name ?? null);
  }

  /** Boundaries change by law, not by the minute: once is enough. */
  async loadAreas(): Promise<void> {
    if (this.areas) return;
    const areas = (await getJson('/api/v1/layers/areas')) as FeatureCollection;
    for (const feature of areas.features) {
      const area = readArea(feature);
      this.#areaNames.set(area.id, area);
    }
    this.areas = areas;
    this.version += 1;
  }

  /** Everything anew; what the stream brought meanwhile is newer and comes after. */
  async load(): Promise<void> {
    this.#hold();
    try {
      const [stations, open, cleared] = await Promise.all([
        getJson('/api/v1/layers/stations'),
        getJson('/api/v1/alerts?state=active,recovering,unknown&limit=1000'),
        getJson('/api/v1/alerts?state=cleared&limit=20'),
      ]);
      this.#stations = new Map(readStations(stations).map((station) => [station.id, station]));
      this.alerts.clear();
      for (const alert of [...readAlerts(cleared), ...readAlerts(open)]) this.alerts.set(alert.id, alert);
      this.version += 1;
      this.loaded = true;
    } finally {
      this.#release();
    }
  }

  change(body: unknown): void {
    this.#waiting.push(...readStations(body));
    if (this.#timer === undefined && !this.#held) this.#timer = setTimeout(() => this.#apply(), GATHER_MS);
  }

  alert(body: unknown): void {
    const alert = readAlertEvent(body);
    if (!alert) return;
    const before = this.alerts.get(alert.id);
    if (before && before.changedAt > alert.changedAt) return;
    this.alerts.set(alert.id, alert);
    this.#tell(before, alert);
    this.#forgetOldest();
  }

  /** After signing out: nothing of one caller may be seen by the next. */
  forget(): void {
    this.#stations.clear();
    this.#areaNames.clear();
    this.alerts.clear();
    this.#waiting = [];
    this.areas = null;
    this.loaded = false;
    this.news = [];
    this.version += 1;
  }

  #held = false;

  #hold(): void {
    this.#held = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #release(): void {
    this.#held = false;
    this.#apply();
  }

  #apply(): void {
    this.#timer = undefined;
    if (this.#waiting.length === 0) return;
    for (const station of this.#waiting) this.#stations.set(station.id, station);
    this.#waiting = [];
    this.version += 1;
  }

  #tell(before: Alert | undefined, alert: Alert): void {
    const wasOpen = before !== undefined && isOpen(before);
    let what: News['what'] | null = null;
    if (isOpen(alert) && !wasOpen) what = 'new';
    else if (!isOpen(alert) && wasOpen) what = 'cleared';
    else if (before && SEVERITIES.indexOf(alert.severity) > SEVERITIES.indexOf(before.severity)) what = 'worse';
    if (what === null) return;
    const recent = this.news.filter((news) => clock.now - news.at < NEWS_MS && news.alert.id !== alert.id);
    this.news = [{ alert, what, at: clock.now }, ...recent];
  }

  #forgetOldest(): void {
    const cleared = [...this.alerts.values()].filter((alert) => !isOpen(alert));
    cleared.sort((a, b) => b.changedAt - a.changedAt);
    for (const alert of cleared.slice(CLEARED_MAX)) this.alerts.delete(alert.id);
  }
}

export const picture = new Picture();
