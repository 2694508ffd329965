// How many stations there are and how they stand: counted here, or by the server where there are too many for a page.
import { areasOf, type ListedArea } from '../api/wire';
import type { Freshness, Kind } from '../states';
import { speech } from '../words/language.svelte';
import { crowd } from './crowd.svelte';
import { filters } from './filters.svelte';
import { picture } from './picture.svelte';
import { shown } from './shown.svelte';

class Counts {
  /** Of a past moment nobody counts or lists stations where they are grouped: what there is of the present is not shown for it. */
  readonly untold: boolean = $derived(shown.frame !== null && (crowd.on || shown.frame.grouped));

  readonly stations: number = $derived(crowd.on ? (crowd.overview?.stations ?? 0) : picture.seen.length);

  /** Those that the filter admits. */
  readonly shown: number = $derived(crowd.on ? (crowd.overview?.chosen ?? 0) : picture.seen.filter((seen) => filters.admits(seen)).length);

  readonly byFreshness: Readonly<Record<Freshness, number>> = $derived(crowd.on && crowd.overview ? crowd.overview.freshness : picture.byFreshness);

  readonly byKind: ReadonlyMap<Kind, number> = $derived.by(() => {
    if (crowd.on) return crowd.overview?.kinds ?? new Map<Kind, number>();
    const counts = new Map<Kind, number>();
    for (const { kind } of picture.stations) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  });

  /** The areas that stations stand in, by name. */
  readonly areas: readonly ListedArea[] = $derived(
    areasOf(crowd.on ? (crowd.overview?.areas ?? []) : picture.stations, speech.language),
  );
}

export const counts = new Counts();
