// The current picture: stations, areas and alerts as last heard, kept up to date by the stream.
//
// Objects are replaced, never changed, and `version` counts the replacements: one number is cheaper to watch than
// thousands of stations. What the views read is of the past moment while one is shown (see shown.svelte.ts); what
// comes in meanwhile is kept all the same. Events wait up to a quarter of a second and are applied together; while everything is loaded
// anew they wait until the load is in, because they are newer than it.
import { ApiError, getJson } from '../api/client';
import { readAlert, readAlerts, readAreas, readStation, readStations, type Alert, type AreaFeature, type Station } from '../api/wire';
import { FRESHNESSES, rank, SEVERITIES, type Freshness, type Severity } from '../states';
import { byEnd, isOpen } from '../alerts/order';
import { clock } from './clock.svelte';
import { stationFreshness } from './freshness';
import { shown } from './shown.svelte';

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
/** Stations kept where they are asked for one by one: what a person has looked at lately. */
const KEPT_MAX = 200;
/** More open alerts than anybody reads; the counts would then be too low, but the worst newest are there. */
const OPEN_MAX = 10_000;
/** A little less than that of the map when it shows the province: boundaries have few points, and stay within a pixel. */
const FAR_ZOOM = 8;

/** Answers and events cross on their way: what people said counts the version, what is measured moves the time. */
function isOlder(alert: Alert, known: Alert): boolean {
  return alert.version < known.version || (alert.version === known.version && alert.changedAt < known.changedAt);
}

class Picture {
  version = $state(0);
  areas = $state.raw<readonly AreaFeature[] | null>(null);
  loaded = $state(false);
  news = $state.raw<readonly News[]>([]);

  #hasNear = false;
  /** Boundaries under way; another object for another caller. */
  #asked: Partial<Record<'far' | 'near', Promise<void>>> = {};
  #stations = new Map<string, Station>();
  #alerts = new Map<string, Alert>();
  #waitingStations: Station[] = [];
  #waitingAlerts: Alert[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Counts loads: an older one that answers late is thrown away. */
  #loading = 0;
  #held = false;
  #alertsForbidden = $state(false);

  /** The caller's role does not see alerts. */
  get alertsForbidden(): boolean {
    return shown.frame?.alertsForbidden ?? this.#alertsForbidden;
  }

  readonly stations: readonly Station[] = $derived.by(() => {
    if (shown.frame) return [...shown.frame.stations.values()];
    void this.version;
    return [...this.#stations.values()];
  });

  /** Every station with its freshness then: recomputed every second of the present, because values grow old by themselves. */
  readonly seen: readonly Seen[] = $derived.by(() => {
    const { now } = shown;
    return this.stations.map((station) => ({ station, freshness: stationFreshness(station, now) }));
  });

  /** Those of now, whatever is shown. */
  readonly presentAlerts: readonly Alert[] = $derived.by(() => {
    void this.version;
    return [...this.#alerts.values()];
  });

  readonly alerts: readonly Alert[] = $derived(shown.frame ? [...shown.frame.alerts.values()] : this.presentAlerts);

  readonly byFreshness: Readonly<Record<Freshness, number>> = $derived.by(() => {
    const counts = Object.fromEntries(FRESHNESSES.map((name) => [name, 0])) as Record<Freshness, number>;
    for (const { freshness } of this.seen) counts[freshness] += 1;
    return counts;
  });

  readonly openBySeverity: Readonly<Record<Severity, number>> = $derived.by(() => {
    const counts = Object.fromEntries(SEVERITIES.map((name) => [name, 0])) as Record<Severity, number>;
    for (const alert of this.alerts) if (isOpen(alert)) counts[alert.severity] += 1;
    return counts;
  });

  station(id: string | null): Station | undefined {
    if (shown.frame) return id === null ? undefined : shown.frame.stations.get(id);
    void this.version;
    return id === null ? undefined : this.#stations.get(id);
  }

  /** What a station is called, which is the same at every moment. */
  nameOf(id: string): Station['name'] | undefined {
    void this.version;
    return (shown.frame?.stations.get(id) ?? this.#stations.get(id))?.name;
  }

  /** Where a station stands now, whatever is shown. */
  presentPlace(id: string): Pick<Station, 'lon' | 'lat'> | undefined {
    return this.#stations.get(id);
  }

  knownAlert(id: string | null): Alert | undefined {
    if (shown.frame) return id === null ? undefined : shown.frame.alerts.get(id);
    void this.version;
    return id === null ? undefined : this.#alerts.get(id);
  }

  /** Boundaries change by law, not by the minute: once is enough, and from `near` once with all of their points. */
  async loadAreas(from: 'far' | 'near' = 'far'): Promise<void> {
    if (this.areas && (from === 'far' || this.#hasNear)) return;
    await (this.#asked[from] ??= this.#askAreas(from));
  }

  async #askAreas(from: 'far' | 'near'): Promise<void> {
    const asked = this.#asked;
    try {
      const areas = readAreas(await getJson(from === 'far' ? `/api/v1/layers/areas?zoom=${FAR_ZOOM}` : '/api/v1/layers/areas'));
      // For the caller before, or less than there is by now.
      if (asked !== this.#asked || (this.#hasNear && from === 'far')) return;
      this.areas = areas;
      this.#hasNear = from === 'near';
    } finally {
      delete asked[from];
    }
  }

  /** Everything anew; where there are too many stations for a page, without them. */
  async load(which: 'everything' | 'without stations'): Promise<void> {
    this.#loading += 1;
    const mine = this.#loading;
    this.#hold();
    try {
      const [stations, open, cleared] = await Promise.all([
        which === 'everything' ? getJson('/api/v1/layers/stations').then(readStations) : this.#kept(),
        this.#alertsOf(`state=open&limit=${OPEN_MAX}`),
        this.#alertsOf('state=cleared&limit=20'),
      ]);
      if (mine !== this.#loading) return;
      this.#stations = new Map(stations.map((station) => [station.id, station]));
      this.#replaceAlerts([...cleared, ...open]);
      this.version += 1;
      this.loaded = true;
    } finally {
      if (mine === this.#loading) this.#release();
    }
  }

  /** A station that was asked for by itself. */
  keep(station: Station): void {
    this.#stations.delete(station.id);
    this.#stations.set(station.id, station);
    const [oldest] = this.#stations.keys();
    if (this.#stations.size > KEPT_MAX && oldest !== undefined) this.#stations.delete(oldest);
    this.version += 1;
  }

  change(body: unknown): void {
    const station = readStation(body);
    if (station) this.#waitingStations.push(station);
    this.#applySoon();
  }

  alert(body: unknown): void {
    const alert = readAlert(body);
    if (alert) this.#waitingAlerts.push(alert);
    this.#applySoon();
  }

  /** After signing out: nothing of one caller may be seen by the next. */
  forget(): void {
    this.#loading += 1;
    this.#held = false;
    this.#stations.clear();
    this.#alerts.clear();
    this.#waitingStations = [];
    this.#waitingAlerts = [];
    this.areas = null;
    this.#hasNear = false;
    this.#asked = {};
    this.loaded = false;
    this.#alertsForbidden = false;
    this.news = [];
    this.version += 1;
  }

  async #alertsOf(query: string): Promise<Alert[]> {
    try {
      return readAlerts(await getJson(`/api/v1/alerts?${query}`));
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
      this.#alertsForbidden = true;
      return [];
    }
  }

  /** What was asked for by itself stays: it grows old by itself, and is asked for again while it is looked at. */
  #kept(): readonly Station[] {
    return [...this.#stations.values()].slice(-KEPT_MAX);
  }

  #replaceAlerts(alerts: readonly Alert[]): void {
    const before = this.#alerts;
    this.#alerts = new Map(alerts.map((alert) => [alert.id, alert]));
    // What was raised while the line was down is news; on the first load it is not.
    if (this.loaded) for (const alert of alerts) this.#tell(before.get(alert.id), alert);
  }

  #hold(): void {
    this.#held = true;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #release(): void {
    this.#held = false;
    this.#apply();
  }

  #applySoon(): void {
    if (this.#timer === undefined && !this.#held) this.#timer = setTimeout(() => this.#apply(), GATHER_MS);
  }

  #apply(): void {
    this.#timer = undefined;
    if (this.#waitingStations.length + this.#waitingAlerts.length === 0) return;
    for (const station of this.#waitingStations) this.#stations.set(station.id, station);
    for (const alert of this.#waitingAlerts) {
      const before = this.#alerts.get(alert.id);
      if (before && isOlder(alert, before)) continue;
      this.#alerts.set(alert.id, alert);
      this.#tell(before, alert);
    }
    this.#waitingStations = [];
    this.#waitingAlerts = [];
    this.#forgetOldest();
    this.version += 1;
  }

  #tell(before: Alert | undefined, alert: Alert): void {
    const wasOpen = before !== undefined && isOpen(before);
    let what: News['what'] | null = null;
    if (isOpen(alert) && !wasOpen) what = 'new';
    else if (!isOpen(alert) && wasOpen) what = 'cleared';
    else if (before && isOpen(alert) && rank(alert.severity) > rank(before.severity)) what = 'worse';
    if (what === null) return;
    const recent = this.news.filter((news) => clock.now - news.at < NEWS_MS && news.alert.id !== alert.id);
    this.news = [{ alert, what, at: clock.now }, ...recent];
  }

  #forgetOldest(): void {
    const cleared = [...this.#alerts.values()].filter((alert) => !isOpen(alert)).sort(byEnd);
    for (const alert of cleared.slice(CLEARED_MAX)) this.#alerts.delete(alert.id);
  }
}

export const picture = new Picture();
