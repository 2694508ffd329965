// The value that a tile's station has written beside it, evaluated as the map does.
import { createExpression, validateStyleMin } from '@maplibre/maplibre-gl-style-spec';
import { expect, test } from 'vitest';
import { PROPERTIES_NAMED, quantity, UNITS_NAMED } from '../words/properties';
import { crowdLayers, valueText, type Looks } from './crowdStyle';

function written(expression: unknown, properties: Record<string, unknown>): string {
  const made = createExpression(expression, 'layers[0].layout.text-field');
  if (made.result === 'error') throw new Error(made.value.map(({ message }) => message).join());
  return String(made.value.evaluate({ zoom: 13 }, { type: 1, properties, geometry: [] } as never));
}

test.each(['vi', 'en'] as const)('a value is written as everywhere else (%s)', (language) => {
  const expression = valueText(language);
  for (const property of PROPERTIES_NAMED) {
    expect(written(expression, { [property]: 1234.5678, [`${property}_unit`]: 'm3/s' })).toBe(quantity(1234.5678, property, 'm3/s', language));
  }
  for (const unit of [...UNITS_NAMED, 'hPa']) {
    expect(written(expression, { air_temperature: -3.25, air_temperature_unit: unit })).toBe(quantity(-3.25, 'air_temperature', unit, language));
  }
});

test('what has no good current value is not written, and no other property in its place', () => {
  const expression = valueText('en');
  const air = { pm2_5_unit: 'ug/m3', pm10_unit: 'ug/m3', pm10: 63, freshness: 'stale' };
  expect(written(expression, air)).toBe('');
  expect(written(expression, { ...air, pm2_5: 41.2 })).toBe(quantity(41.2, 'pm2_5', 'ug/m3', 'en'));
  expect(written(expression, {})).toBe('');
  expect(written(expression, { odd: 7, odd_unit: 'm' })).toBe('');
});

function textOf(looks: Partial<Looks>, properties: Record<string, unknown>): string {
  const layer = crowdLayers('crowd-1', { theme: 'dark', language: 'en', how: 'clear', agedAt: null, ...looks }).find(({ id }) => id === 'crowd-1-values');
  return written((layer?.layout as Record<string, unknown>)['text-field'], properties);
}

test('while nothing can be asked, a value goes when it would be stale', () => {
  const heard = 1_795_230_900;
  const live = { freshness: 'live', heard_at: heard, rainfall: 2.4, rainfall_unit: 'mm' };
  expect(textOf({}, live)).toBe(quantity(2.4, 'rainfall', 'mm', 'en'));
  expect(textOf({ how: 'faded', agedAt: (heard + 600) * 1000 }, live)).toBe(quantity(2.4, 'rainfall', 'mm', 'en'));
  expect(textOf({ how: 'faded', agedAt: (heard + 1_500) * 1000 }, live)).toBe('');
});

test.each(['clear', 'faded', 'unseen'] as const)('the layers are ones that a map takes (%s)', (how) => {
  const source = 'crowd-1';
  const layers = crowdLayers(source, { theme: 'light', language: 'vi', how, agedAt: how === 'faded' ? 1_795_230_900_000 : null });
  const faults = validateStyleMin({ version: 8, glyphs: 'https://x/{fontstack}/{range}', sources: { [source]: { type: 'vector', tiles: ['https://x/{z}/{x}/{y}'] } }, layers });
  expect(faults).toEqual([]);
});
