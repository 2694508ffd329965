// Every property that a station of the demo carries or the server computes has a name in both languages.
import { expect, test } from 'vitest';
import { isNamed, number, propertyWords } from './properties';

const STATIONS = import.meta.glob<string>('../../../../config/stations/*.toml', { query: '?raw', import: 'default', eager: true });
const SOURCES = import.meta.glob<string>(['../../../../src/indices/config/outputs.rs', '../../../../src/indices/rain.rs', '../../../../src/api/scale.rs'], { query: '?raw', import: 'default', eager: true });
const source = (name: string): string => Object.entries(SOURCES).find(([path]) => path.endsWith(name))?.[1] ?? '';
const found = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map((match) => match[1] ?? '');

function measured(): string[] {
  return Object.values(STATIONS).flatMap((text) => found(text, /^property\s*=\s*"([^"]+)"/gm));
}

/** What src/indices declares: single outputs, the list of FWI's, and the windows of rain. */
function computed(): string[] {
  const outputs = source('/outputs.rs');
  const module = outputs.slice(outputs.indexOf('pub mod output'));
  const single = found(module, /pub const \w+: &str = "([^"]+)"/g);
  const lists = found(module, /pub const \w+: \[&str; \d+\] = \[([^\]]+)\]/g).flatMap((list) => found(list, /"([^"]+)"/g));
  return [...single, ...lists, ...found(source('/rain.rs'), /"(rain_\d+h)"/g)];
}

test('what stations measure', () => {
  const properties = new Set(measured());
  expect(properties.size).toBeGreaterThan(20);
  expect([...properties].filter((property) => !isNamed(property))).toEqual([]);
});

test('what the server computes', () => {
  const properties = new Set(computed());
  expect([...properties]).toEqual(expect.arrayContaining(['vn_aqi', 'fwi', 'ffmc', 'rain_72h', 'landslide_rain_margin']));
  expect([...properties].filter((property) => !isNamed(property))).toEqual([]);
});

test('computed ones are called as the server calls them', () => {
  const scale = source('/scale.rs');
  // Those of rain are made of their hours there.
  for (const property of computed().filter((name) => !name.startsWith('rain_'))) {
    expect(scale, property).toContain(`"${propertyWords(property, 'vi')}"`);
    expect(scale, property).toContain(`"${propertyWords(property, 'en')}"`);
  }
});

test('a property without a name is shown by its own', () => {
  expect(isNamed('toString')).toBe(false);
  expect(propertyWords('new_thing', 'vi')).toBe('new thing');
});

test('digits of a property that is listed and of one that is not keep apart', () => {
  const shown = (): string[] => ['acoustic_score', 'unlisted'].map((property) => number(1.5, property, 'en'));
  expect([...shown(), ...shown()]).toEqual(['1.50', '1.5', '1.50', '1.5']);
});

test('what is nothing with so many digits has no sign', () => {
  expect([-0.01, 0, -0.06].map((value) => number(value, 'rainfall', 'en'))).toEqual(['0.0', '0.0', '-0.1']);
});
