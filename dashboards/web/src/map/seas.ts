// Names on the sea. Hoàng Sa and Trường Sa are Viet Nam's; their islands are in the provinces' polygons (Đà Nẵng and
// Khánh Hòa), their names are put here.
import type { FeatureCollection, Point } from 'geojson';
import { en } from '../words/en';
import { vi } from '../words/vi';

const place = (name: 'eastSea' | 'hoangSa' | 'truongSa', lon: number, lat: number) => ({
  type: 'Feature' as const,
  properties: { vi: vi.map[name], en: en.map[name] },
  geometry: { type: 'Point' as const, coordinates: [lon, lat] },
});

export const SEA_NAMES: FeatureCollection<Point> = {
  type: 'FeatureCollection',
  features: [place('eastSea', 111.2, 13.3), place('hoangSa', 112.1, 16.1), place('truongSa', 114.3, 9.4)],
};
