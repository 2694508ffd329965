// What is drawn together: series of one function, one property and one unit. Two units never share an axis.
import type { Answer, Series } from './answer';
import { ENOUGH, summary } from './firmness';
import type { Fn } from './functions';
import { DRAWN_MAX, functionsOf, type View } from './view';

export interface Panel {
  key: string;
  fn: Fn;
  property: string;
  unit: string;
  /** With their places among all series, which their colours and marks go by. */
  series: ReadonlyArray<{ series: Series; place: number }>;
}

/** The series of areas, the greatest first; those with too few samples come after all that have enough. */
export function ranked(answer: Answer, fn: Fn): Series[] {
  const rows = answer.series.map((series) => {
    const { whole, highest, completeness } = summary(series, fn);
    const share = completeness ?? 0;
    return { series, size: whole ?? highest ?? -Infinity, share, enough: share >= ENOUGH ? 1 : 0 };
  });
  rows.sort((a, b) => b.enough - a.enough || b.size - a.size || b.share - a.share || a.series.key.localeCompare(b.series.key));
  return rows.map(({ series }) => series);
}

/** The series that are drawn: all channels, or the areas that were chosen, or the first of them. */
export function drawnSeries(view: View, answer: Answer): Series[] {
  if (view.what === 'channels') return [...answer.series];
  const [fn] = functionsOf(view, view.property);
  const chosen = answer.series.filter(({ key }) => view.drawn.includes(key));
  if (chosen.length > 0) return view.drawn.map((key) => chosen.find((series) => series.key === key)).filter((series) => series !== undefined);
  if (!fn) return [];
  const all = ranked(answer, fn);
  const known = all.filter((series) => summary(series, fn).highest !== null);
  return (known.length > 0 ? known : all).slice(0, DRAWN_MAX);
}

export function panels(view: View, answer: Answer): Panel[] {
  const found = new Map<string, { fn: Fn; property: string; unit: string; series: Array<{ series: Series; place: number }> }>();
  drawnSeries(view, answer).forEach((series, place) => {
    for (const fn of functionsOf(view, series.property)) {
      const key = `${series.property} ${fn} ${series.unit}`;
      const panel = found.get(key) ?? { fn, property: series.property, unit: series.unit, series: [] };
      panel.series.push({ series, place });
      found.set(key, panel);
    }
  });
  return [...found].map(([key, panel]) => ({ key, ...panel }));
}
