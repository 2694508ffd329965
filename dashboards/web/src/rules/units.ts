// Thresholds in another unit than the channel's: the pairs that rules are written in. src/model/unit.rs has all units.

/** Base unit and factor: `base = value * factor`. */
const FACTORS: Readonly<Record<string, readonly [string, number]>> = {
  '1': ['1', 1],
  '%': ['1', 0.01],
  'm/s': ['m/s', 1],
  'km/h': ['m/s', 1 / 3.6],
  m: ['m', 1],
  mm: ['m', 1e-3],
  cm: ['m', 1e-2],
  km: ['m', 1e3],
  hPa: ['hPa', 1],
  Pa: ['hPa', 0.01],
  kPa: ['hPa', 10],
  'ug/m3': ['ug/m3', 1],
  'mg/m3': ['ug/m3', 1e3],
  s: ['s', 1],
  min: ['s', 60],
  'm3/s': ['m3/s', 1],
  'L/s': ['m3/s', 1e-3],
  '/h': ['/h', 1],
  '/min': ['/h', 60],
  'kW.h': ['kW.h', 1],
  'W.h': ['kW.h', 1e-3],
  W: ['W', 1],
  kW: ['W', 1e3],
  m3: ['m3', 1],
  L: ['m3', 1e-3],
};

/** The value in the other unit; null when that is not known, and then nothing is drawn. */
export function converted(value: number, from: string, to: string): number | null {
  if (from === to) return value;
  const [own, other] = [FACTORS[from], FACTORS[to]];
  if (!own || !other || own[0] !== other[0]) return null;
  return Number(((value * own[1]) / other[1]).toPrecision(12));
}
