// MapLibre does not check the styles when a map begins.
import { validateStyleMin, type StyleSpecification } from '@maplibre/maplibre-gl-style-spec';
import { expect, test } from 'vitest';
import { groundStyle, mapStyle } from './style';

test.each(['dark', 'light'] as const)('the styles are ones that a map takes (%s)', (theme) => {
  for (const style of [groundStyle, mapStyle]) expect(validateStyleMin(style(theme, 'vi') as StyleSpecification)).toEqual([]);
});

test('a fault in a style would be found', () => {
  const { layers, ...rest } = mapStyle('dark', 'en');
  expect(validateStyleMin({ ...rest, layers: [...layers, { id: 'odd', type: 'line', source: 'nowhere' }] } as StyleSpecification)).not.toEqual([]);
});
