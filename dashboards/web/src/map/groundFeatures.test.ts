// What the ground of a map is made of, from the bundle's own boundaries.
import type { Feature, FeatureCollection, MultiLineString } from 'geojson';
import { expect, test } from 'vitest';
import communes from '../../../../config/areas/lai_chau_communes_2025.geojson?raw';
import provinces from '../../public/geo/provinces.geojson?raw';
import type { AreaFeature } from '../api/wire';
import { areaFeatures, countryFeatures } from './groundFeatures';
import { mapStyle, type GroundPart } from './style';

const read = (text: string): FeatureCollection => JSON.parse(text) as FeatureCollection;
const of = (features: readonly Feature[], part: GroundPart): Feature[] => features.filter(({ properties }) => properties?.part === part);

const country = countryFeatures(read(provinces));
const areas = read(communes).features.map(
  ({ geometry, properties }, at): AreaFeature => ({ type: 'Feature', geometry, properties: { id: String(at), name: { vi: String(properties?.name), ...(at > 1 && { en: String(properties?.name_en) }) }, label: at === 0 ? null : [103, 22] } }),
);

test('the country has its provinces, borders and names', () => {
  expect((['province', 'province-name', 'sea-name', 'province-line'] as const).map((part) => of(country, part).length)).toEqual([34, 34, 3, 2]);
  expect(of(country, 'province-name').map(({ properties }) => properties?.en as string)).toContain('Lai Chau');
});

test('communes have names in both languages where they have a place for one, and the border around them closes', () => {
  const features = areaFeatures(areas);
  expect((['commune', 'commune-name', 'border'] as const).map((part) => of(features, part).length)).toEqual([38, 37, 1]);
  const [without, ...named] = of(features, 'commune-name').map(({ properties }) => `${properties?.vi} ${properties?.en}`);
  // Where there is no English name the Vietnamese one stands.
  expect(without).toMatch(/^(.+) \1$/);
  expect(named).toContain('Sin Suối Hồ Sin Suoi Ho');
  const ends = new Map<string, number>();
  for (const line of (of(features, 'border')[0]?.geometry as MultiLineString).coordinates) {
    for (const point of [line[0], line.at(-1)]) ends.set(String(point), (ends.get(String(point)) ?? 0) + 1);
  }
  expect([...ends.values()].filter((count) => count % 2 === 1)).toEqual([]);
});

test('every part is drawn, and nothing else is waited for', () => {
  const told = new Set([...country, ...areaFeatures(areas)].map(({ properties }) => properties?.part as string));
  const drawn = mapStyle('dark', 'vi').layers.flatMap((layer) => ('filter' in layer ? JSON.stringify(layer.filter).match(/\["get","part"\],"([a-z-]+)"/)?.[1] ?? [] : []));
  expect([...told].sort()).toEqual([...new Set(drawn)].sort());
});
