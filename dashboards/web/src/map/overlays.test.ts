// Map layers: where their tiles are, and that what is not known is drawn as such.
import { expect, test } from 'vitest';
import { readLayers } from '../api/layers';
import { AREA_LAYERS, BESIDE_LAYERS } from '../live/overlays.svelte';
import { drawnBy, tilesOf } from './overlays';

const mark = (property: string, value: string, colour: unknown = '#123456') => ({ property, value, title: { vi: 'A: một', en: 'A: one' }, colour, shape: 'circle' });
const [areas, roads, rain] = readLayers({
  layers: [
    { id: 'areas', title: { vi: 'Xã', en: 'Communes' }, legend: [mark('severity', 'high')], method: { vi: 'cách', en: 'how' }, time_range: { from: '2026-11-20T00:00:00Z' } },
    { id: 'roads', title: { vi: 'Đường', en: 'Roads' }, legend: [mark('level', '1'), mark('level', '2', 'red;x')], method: null },
    { id: 'rain_24h', title: {}, legend: [mark('step', '0')] },
    { title: 'no name' },
  ],
});

test('the catalogue is read without trusting it', () => {
  expect(areas).toMatchObject({ id: 'areas', method: { en: 'how' }, from: Date.parse('2026-11-20T00:00:00Z') });
  expect(roads?.legend.map(({ value }) => value)).toEqual(['1']);
  expect(rain?.from).toBeNull();
});

test('tiles are asked for by their moment', () => {
  expect(tilesOf('areas', null, 'http://h')).toBe('http://h/tiles/areas/{z}/{x}/{y}.mvt');
  expect(tilesOf('areas', Date.parse('2026-11-20T10:15:00+07:00'), 'http://h')).toBe('http://h/tiles/areas/{z}/{x}/{y}.mvt?at=2026-11-20T03:15:00Z');
});

test('every overlay is drawn from its own source, and no two layers have one name', () => {
  for (const theme of ['dark', 'light'] as const) {
    for (const id of [...AREA_LAYERS, ...BESIDE_LAYERS]) {
      const drawn = drawnBy(id, `over-${id}-1`, areas, theme);
      expect(drawn.length).toBeGreaterThan(0);
      expect(drawn.every((layer) => 'source' in layer && layer.source === `over-${id}-1`)).toBe(true);
      expect(new Set(drawn.map((layer) => layer.id)).size).toBe(drawn.length);
    }
  }
});

test('a commune without a station, and a road without a value, look so', () => {
  const of = (id: 'areas' | 'roads', suffix: string) => drawnBy(id, 's', id === 'areas' ? areas : roads, 'dark').find((layer) => layer.id === `s-${suffix}`);
  expect(of('areas', 'none')).toMatchObject({ filter: ['==', ['get', 'stations'], 0], paint: { 'fill-pattern': 'over-hatch-none-dark' } });
  expect(of('areas', 'fill')).toMatchObject({ filter: ['has', 'severity'] });
  expect(of('roads', 'unknown')).toMatchObject({ filter: ['!', ['has', 'level']] });
});
