// What the planner looks at, as the link says it. The names are those of the API, so that a link reads like the
// question that it stands for.
import { before, dayOf, fittingEvery, isDay, isEvery, lengthDays, presetPeriod, startOf, type Every, type Period } from './calendar';
import { AREA_FUNCTIONS, isFn, natural, type Fn } from './functions';

export const LEVELS = ['commune', 'province'] as const;
export type Level = (typeof LEVELS)[number];

/** What a link can be about. */
export const WHATS = ['channels', 'areas', 'map', 'coverage'] as const;
export type What = (typeof WHATS)[number];

/** How the forest is cut in parts. */
export const PARTS = ['commune', 'owner', 'forest_type'] as const;
export type Part = (typeof PARTS)[number];

/** The longest bucket there is: with it, a period is one bucket. */
export const WHOLE = '100y';

export const COMPARISONS = ['none', 'before', 'year', 'own'] as const;
export type Comparison = (typeof COMPARISONS)[number];

/** Series that can be told apart in one picture. */
export const DRAWN_MAX = 6;

export interface View {
  what: What;
  /** STATION/PROPERTY. */
  channels: readonly string[];
  /** Of areas and of the map. */
  property: string;
  level: Level;
  /** Code of the area whose parts are told; empty: everywhere. */
  area: string;
  /** Codes of the areas that are drawn; empty: the first ones. */
  drawn: readonly string[];
  /** Of coverage. */
  by: Part;
  period: Period;
  /** `null`: what fits the period. */
  every: Every | null;
  /** Empty: what is natural to each property. */
  functions: readonly Fn[];
  comparison: Comparison;
  /** Of `own`. */
  compared: Period | null;
  quality: 'good' | 'all';
  /** Limit of exceedance_hours. */
  above: number | null;
}

export function emptyView(now: number): View {
  return {
    what: 'channels', channels: [], property: '', level: 'commune', area: '', drawn: [], by: 'commune',
    period: presetPeriod('days7', now), every: null, functions: [], comparison: 'none', compared: null, quality: 'good', above: null,
  };
}

export const propertyOf = (channel: string): string => channel.slice(channel.lastIndexOf('/') + 1);

const several = (params: URLSearchParams, name: string): string[] => [
  ...new Set(params.getAll(name).flatMap((text) => text.split(',')).map((text) => text.trim()).filter((text) => text !== '')),
];

/** A day of the link; an instant (from a program) is the day that it lies in. */
function day(text: string | null): string | null {
  if (text === null) return null;
  if (isDay(text)) return text;
  const at = Date.parse(text);
  return Number.isNaN(at) ? null : dayOf(at);
}

function period(params: URLSearchParams, from: string, to: string): Period | null {
  const [first, last] = [day(params.get(from)), day(params.get(to))];
  return first !== null && last !== null && first < last ? { from: first, to: last } : null;
}

/** Reads a link; what it does not say, or says badly, is as in an empty view. */
export function readView(search: string, now: number): View {
  const params = new URLSearchParams(search);
  const view = emptyView(now);
  const every = params.get('every') ?? '';
  const above = params.get('above');
  const compared = period(params, 'compare_from', 'compare_to');
  const word = params.get('compare');
  view.channels = several(params, 'channel').filter((name) => name.includes('/')).slice(0, DRAWN_MAX);
  view.property = params.get('property') ?? '';
  const what = WHATS.find((one) => one === params.get('what'));
  view.what = what === 'map' || what === 'coverage' ? what : view.property !== '' || what === 'areas' ? 'areas' : 'channels';
  view.by = PARTS.find((part) => part === params.get('by')) ?? 'commune';
  view.level = LEVELS.find((level) => level === params.get('level')) ?? 'commune';
  view.area = params.get('area') ?? '';
  view.drawn = several(params, 'drawn').slice(0, DRAWN_MAX);
  view.period = period(params, 'from', 'to') ?? view.period;
  view.every = isEvery(every) ? every : null;
  view.functions = several(params, 'fn').filter(isFn);
  view.comparison = compared ? 'own' : word === '-1y' ? 'year' : word === 'before' ? 'before' : 'none';
  view.compared = compared;
  view.quality = params.get('quality') === 'all' ? 'all' : 'good';
  view.above = above !== null && above.trim() !== '' && Number.isFinite(Number(above)) ? Number(above) : null;
  return view;
}

/** The link's query, with `?`; nothing that would only say what is so anyway. */
export function writeView(view: View): string {
  const params = new URLSearchParams();
  if (view.what === 'areas') {
    params.set('what', 'areas');
    if (view.property !== '') params.set('property', view.property);
    params.set('level', view.level);
    if (view.area !== '') params.set('area', view.area);
    if (view.drawn.length > 0) params.set('drawn', view.drawn.join(','));
  } else if (view.what === 'map') {
    params.set('what', 'map');
    if (view.property !== '') params.set('property', view.property);
  } else if (view.what === 'coverage') {
    params.set('what', 'coverage');
    params.set('by', view.by);
  } else {
    view.channels.forEach((channel) => params.append('channel', channel));
  }
  params.set('from', view.period.from);
  params.set('to', view.period.to);
  if (view.every) params.set('every', view.every);
  if (view.functions.length > 0) params.set('fn', view.functions.join(','));
  if (view.above !== null) params.set('above', String(view.above));
  if (view.comparison === 'year') params.set('compare', '-1y');
  if (view.comparison === 'before') params.set('compare', 'before');
  if (view.comparison === 'own' && view.compared) {
    params.set('compare_from', view.compared.from);
    params.set('compare_to', view.compared.to);
  }
  if (view.quality === 'all') params.set('quality', 'all');
  return `?${params.toString().replaceAll('%2F', '/').replaceAll('%2C', ',')}`;
}

export const everyOf = (view: View): Every => view.every ?? fittingEvery(view.period);

/** Whether there is something to ask. */
export function isAsked(view: View): boolean {
  if (view.what === 'coverage') return true;
  return view.what === 'channels' ? view.channels.length > 0 : view.property !== '';
}

export function propertiesOf(view: View): string[] {
  if (view.what === 'coverage') return [];
  return view.what === 'channels' ? [...new Set(view.channels.map(propertyOf))] : [view.property];
}

/** The functions that are drawn of a property; a map has one. */
export function functionsOf(view: View, property: string): Fn[] {
  const offered = view.what === 'areas' ? view.functions.filter((fn) => AREA_FUNCTIONS.includes(fn)) : [...view.functions];
  const answerable = offered.filter((fn) => fn !== 'exceedance_hours' || view.above !== null);
  if (answerable.length > 0) return view.what === 'map' ? answerable.slice(0, 1) : answerable;
  const own = natural(property);
  return [view.what === 'areas' && !AREA_FUNCTIONS.includes(own) ? 'max' : own];
}

/** The period that the view compares with; the API has no comparison of areas. */
export function comparedPeriod(view: View): Period | '-1y' | null {
  if (view.what !== 'channels' || view.comparison === 'none') return null;
  if (view.comparison === 'year') return '-1y';
  return view.comparison === 'own' ? view.compared : before(view.period);
}

export type Format = 'json' | 'csv' | 'ndjson' | 'parquet';

/** The question for the API. `besides` are functions that something else on the page needs. */
export function question(view: View, format: Format, besides: readonly Fn[] = [], every: string = view.what === 'map' ? WHOLE : everyOf(view)): string {
  const params = new URLSearchParams();
  const properties = propertiesOf(view);
  const functions = [...new Set([...properties.flatMap((property) => functionsOf(view, property)), ...besides])];
  if (view.what === 'areas') {
    params.set('property', view.property);
    params.set('level', view.level);
    if (view.area !== '') params.set('area', view.area);
  } else {
    view.channels.forEach((channel) => params.append('channel', channel));
  }
  params.set('from', view.period.from);
  params.set('to', view.period.to);
  params.set('every', every);
  params.set('fn', functions.join(','));
  if (functions.includes('exceedance_hours') && view.above !== null) params.set('above', String(view.above));
  const compared = comparedPeriod(view);
  if (compared === '-1y') params.set('compare', '-1y');
  else if (compared) {
    params.set('compare_from', compared.from);
    params.set('compare_to', compared.to);
  }
  params.set('quality', view.quality);
  params.set('tz', 'Asia/Ho_Chi_Minh');
  params.set('format', format);
  const path = view.what === 'areas' ? '/api/v1/history/areas' : '/api/v1/history';
  return `${path}?${params.toString().replaceAll('%2F', '/').replaceAll('%2C', ',')}`;
}

/** What fills the communes of a map; `null` where the function says nothing of several stations. */
export function communesQuestion(view: View): string | null {
  const [fn] = functionsOf(view, view.property);
  if (!fn || fn === 'count' || !AREA_FUNCTIONS.includes(fn)) return null;
  return question({ ...view, what: 'areas', level: 'commune', area: '', functions: [fn] }, 'json', [], WHOLE);
}

/** Periods in which coverage is told: months at the least. */
export function coverageEvery(view: View): Every {
  if (view.every !== null && COVERAGE_EVERIES.includes(view.every)) return view.every;
  return lengthDays(view.period) <= 740 ? '1mo' : '1y';
}
export const COVERAGE_EVERIES: readonly Every[] = ['1mo', '1q', '1y'];

/** How much of the forest was watched at the period's end, or is now when that lies ahead; and over its months or years. */
export function coverageQuestions(view: View, now: number): { at: string; history: string } {
  const { from, to } = view.period;
  const isPast = startOf(to) <= now;
  return {
    at: `/api/v1/coverage${isPast ? `?at=${to}` : ''}`,
    history: `/api/v1/coverage/history?every=${coverageEvery(view)}&from=${from}&to=${to}`,
  };
}
