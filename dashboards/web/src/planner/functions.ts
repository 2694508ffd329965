// The functions that history computes, which one says something of a property, and what missing samples do to it.

export const FUNCTIONS = [
  'mean', 'sum', 'min', 'max', 'p05', 'p50', 'p95', 'stddev', 'first', 'last', 'delta', 'count', 'exceedance_hours',
] as const;
export type Fn = (typeof FUNCTIONS)[number];

/** Those that are computed over the stations of an area. */
export const AREA_FUNCTIONS: readonly Fn[] = ['mean', 'sum', 'min', 'max', 'delta', 'count'];

/** They need every sample, so that they cost more than what tallies answer. */
export const COSTLY: readonly Fn[] = ['p05', 'p50', 'p95', 'exceedance_hours'];

/** Amounts: drawn as bars, and added up over a period. */
const ADDED: readonly Fn[] = ['sum', 'delta', 'count', 'exceedance_hours'];

const NATURAL: Readonly<Record<string, Fn>> = {
  rainfall: 'sum',
  energy: 'delta',
  volume: 'delta',
  wind_gust: 'max',
  wind_direction: 'last',
  smoke: 'max',
  camera_fire_score: 'max',
  acoustic_score: 'max',
  vn_aqi: 'max',
  vn_aqi_daily: 'max',
  fire_danger_level: 'max',
  level_of_service: 'max',
  river_alarm_stage: 'max',
  landslide_rain_margin: 'max',
  rain_1h: 'max',
  rain_3h: 'max',
  rain_6h: 'max',
  rain_12h: 'max',
  rain_24h: 'max',
  rain_72h: 'max',
};

/** What is asked of a property when nobody chose. */
export const natural = (property: string): Fn => NATURAL[property] ?? 'mean';

export const isFn = (text: string): text is Fn => FUNCTIONS.some((word) => word === text);
export const isAdded = (fn: Fn): boolean => ADDED.includes(fn);

/** Whether it gives a value that a sample could have had. */
export const isOwnValue = (fn: Fn): boolean => !isAdded(fn) && fn !== 'stddev';

/** Whether samples that are missing can only have made it smaller: then what is there is a lower bound. */
export function isLowerBound(fn: Fn, property: string): boolean {
  return fn === 'count' || fn === 'exceedance_hours' || (fn === 'sum' && property === 'rainfall') || fn === 'max';
}

/** Whether the function says nothing of the property: north lies between 350 and 10 degrees, not their mean. */
export function isMeaningless(fn: Fn, property: string): boolean {
  if (property === 'wind_direction') return !['first', 'last', 'count'].includes(fn);
  return false;
}

/** The unit of what a function gives; `null` when it is the channel's own. */
export function unitOf(fn: Fn): string | null {
  if (fn === 'count') return '1';
  return fn === 'exceedance_hours' ? 'h' : null;
}
