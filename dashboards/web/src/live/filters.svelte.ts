// What the operator wants to see. Nothing chosen in a group means all of it. Alerts outside the filter are folded, never
// hidden: a filter that somebody forgot must not hide one.
import { SvelteSet } from 'svelte/reactivity';
import type { Freshness, Kind, Severity } from '../states';
import type { Alert } from '../api/wire';
import { picture, type Seen } from './picture.svelte';

class Filters {
  readonly kinds = new SvelteSet<Kind>();
  readonly freshness = new SvelteSet<Freshness>();
  readonly severity = new SvelteSet<Severity>();
  /** Code of the only area shown. */
  area = $state<string | null>(null);

  get any(): boolean {
    return this.kinds.size + this.freshness.size + this.severity.size > 0 || this.area !== null;
  }

  admits({ station, freshness }: Seen): boolean {
    return (
      (this.kinds.size === 0 || this.kinds.has(station.kind)) &&
      (this.freshness.size === 0 || this.freshness.has(freshness)) &&
      (this.area === null || station.area === this.area) &&
      (this.severity.size === 0 || (station.severity !== null && this.severity.has(station.severity)))
    );
  }

  /** The same as the server is asked for it; empty when everything is shown. */
  get query(): string {
    const groups = { kind: this.kinds, freshness: this.freshness, severity: this.severity };
    const query = new URLSearchParams();
    for (const [name, chosen] of Object.entries(groups)) if (chosen.size > 0) query.set(name, [...chosen].sort().join(','));
    if (this.area !== null) query.set('area', this.area);
    return query.toString();
  }

  /** Freshness is about stations: it says nothing about alerts. */
  admitsAlert(alert: Alert): boolean {
    const kind = picture.station(alert.station)?.kind;
    return (
      (this.kinds.size === 0 || kind === undefined || this.kinds.has(kind)) &&
      (this.area === null || alert.area === null || alert.area === this.area) &&
      (this.severity.size === 0 || this.severity.has(alert.severity))
    );
  }

  clear(): void {
    this.kinds.clear();
    this.freshness.clear();
    this.severity.clear();
    this.area = null;
  }
}

export const filters = new Filters();

export function toggle<T>(set: SvelteSet<T>, item: T): void {
  if (!set.delete(item)) set.add(item);
}
