// Which stations the operator wants to see. Nothing chosen in a group means all of it. Alerts are never filtered: a
// filter that somebody forgot must not hide one.
import { SvelteSet } from 'svelte/reactivity';
import type { Freshness, Kind, Severity } from '../states';
import type { Seen } from './picture.svelte';

class Filters {
  readonly kinds = new SvelteSet<Kind>();
  readonly freshness = new SvelteSet<Freshness>();
  readonly severity = new SvelteSet<Severity>();

  get any(): boolean {
    return this.kinds.size + this.freshness.size + this.severity.size > 0;
  }

  admits({ station, freshness }: Seen): boolean {
    return (
      (this.kinds.size === 0 || this.kinds.has(station.kind)) &&
      (this.freshness.size === 0 || this.freshness.has(freshness)) &&
      (this.severity.size === 0 || (station.severity !== null && this.severity.has(station.severity)))
    );
  }

  clear(): void {
    this.kinds.clear();
    this.freshness.clear();
    this.severity.clear();
  }
}

export const filters = new Filters();

export function toggle<T>(set: SvelteSet<T>, item: T): void {
  if (!set.delete(item)) set.add(item);
}
