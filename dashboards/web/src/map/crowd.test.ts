// Addresses of tiles, and what a tile tells of a group.
import type { MapGeoJSONFeature } from 'maplibre-gl';
import { expect, test, vi } from 'vitest';
import { foundIn, momentOf, readCluster, tileAddress } from './crowd';

test('a tile is asked for with the filter and the moment', () => {
  vi.stubGlobal('location', { origin: 'https://saola.example' });
  const query = (address: string): string[] => [...new URL(address).searchParams].map(([name, value]) => `${name}=${value}`);
  expect(tileAddress('')).toMatch(/^https:\/\/saola\.example\/tiles\/stations\/\{z\}\/\{x\}\/\{y\}\?points=\d+$/);
  expect(query(tileAddress('kind=air%2Crain&area=03388', '2026-11-21T03:15:00Z'))).toEqual(['kind=air,rain', 'area=03388', 'points=200', 'at=2026-11-21T03:15:00Z']);
  expect(momentOf(tileAddress('kind=air', '2026-11-21T03:15:00Z'))).toBe(Date.UTC(2026, 10, 21, 3, 15));
  expect(momentOf(tileAddress('kind=air'))).toBeNull();
  vi.unstubAllGlobals();
});

test('a group without a known freshness is silent', () => {
  const feature = (properties: object, type = 'Point'): MapGeoJSONFeature => ({ geometry: { type, coordinates: [103.4, 22.3] }, properties }) as unknown as MapGeoJSONFeature;
  expect(readCluster(feature({ count: 12, freshness: 'late', severity: 'high', oldest_at: 1_795_230_900, never_heard: 2 }))).toEqual({
    lon: 103.4, lat: 22.3, count: 12, freshness: 'late', severity: 'high', oldestAt: 1_795_230_900_000, neverHeard: 2,
  });
  expect(readCluster(feature({ count: 2 }))).toMatchObject({ freshness: 'silent', severity: null, oldestAt: null, neverHeard: 0 });
  expect(readCluster(feature({ id: 'AQ-01' }))).toBeNull();
  expect(readCluster(feature({ count: 2 }, 'Polygon'))).toBeNull();
});

test('stations at a place are found once each, with what a tile tells of them', () => {
  const feature = (properties: object): MapGeoJSONFeature => ({ properties }) as unknown as MapGeoJSONFeature;
  const tile = { id: 'AQ-01', kind: 'air', freshness: 'late', severity: 'high', name_vi: 'Trạm', name_en: 'Station', heard_at: 1 };
  expect(foundIn([feature({ id: 'AQ-01', body: 'body-air-late', severity: '' }), feature(tile), feature({ id: 'RG-01', kind: 'rain' })])).toEqual([
    { id: 'AQ-01', point: { id: 'AQ-01', kind: 'air', freshness: 'late', severity: 'high', name: { vi: 'Trạm', en: 'Station' } } },
    { id: 'RG-01', point: { id: 'RG-01', kind: 'rain', freshness: 'silent', severity: null, name: {} } },
  ]);
  expect(foundIn([feature({ id: 'X', kind: 'odd' })])).toEqual([{ id: 'X', point: null }]);
});
