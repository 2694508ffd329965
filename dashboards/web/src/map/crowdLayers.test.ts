// Tiles of another moment or of other stations, beside those that are drawn, over a map of which the test says what has come.
import type { LayerSpecification, Map as MapLibreMap } from 'maplibre-gl';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { CrowdLayers, type Standing } from './crowdLayers';
import type { Looks } from './crowdStyle';

const LOOKS: Looks = { theme: 'dark', language: 'vi', how: 'clear', agedAt: null };
const [MORNING, NOON, NIGHT] = ['https://x/a?at=1', 'https://x/a?at=2', 'https://x/a?at=3'];

/** A map whose tiles come when the test says so. */
function stage() {
  const sources = new Map<string, { tiles: string; loaded: boolean; refreshed: number }>();
  const layers = new Map<string, LayerSpecification>();
  const heard = new Map<string, Array<(event: object) => void>>();
  const fire = (name: string, event: object = {}): void => heard.get(name)?.forEach((listener) => listener(event));
  const set = (group: 'paint' | 'layout') => (id: string, name: string, value: unknown) => {
    const layer = layers.get(id);
    if (layer === undefined) throw new Error(`no layer ${id}`);
    layers.set(id, { ...layer, [group]: { ...layer[group], [name]: value } } as LayerSpecification);
  };
  const map = {
    on: (name: string, listener: (event: object) => void) => heard.set(name, [...(heard.get(name) ?? []), listener]),
    off: (name: string, listener: (event: object) => void) => heard.set(name, (heard.get(name) ?? []).filter((one) => one !== listener)),
    addSource: (name: string, { tiles }: { tiles: string[] }) => sources.set(name, { tiles: tiles[0] ?? '', loaded: false, refreshed: 0 }),
    removeSource: (name: string) => {
      if (!sources.delete(name) || [...layers.values()].some((layer) => 'source' in layer && layer.source === name)) throw new Error(`cannot remove ${name}`);
    },
    addLayer: (layer: LayerSpecification) => layers.set(layer.id, layer),
    removeLayer: (id: string) => {
      if (!layers.delete(id)) throw new Error(`no layer ${id}`);
    },
    setPaintProperty: set('paint'),
    setLayoutProperty: set('layout'),
    isSourceLoaded: (name: string) => sources.get(name)?.loaded ?? false,
    isMoving: () => false,
    refreshTiles: (name: string) => {
      const source = sources.get(name);
      if (source) source.refreshed += 1;
    },
  };
  const told: Standing[] = [];
  const crowd = new CrowdLayers(map as unknown as MapLibreMap, (standing) => told.push(standing));
  const named = (tiles: string): string => [...sources].find(([, source]) => source.tiles === tiles)?.[0] ?? '';
  return {
    crowd,
    told: () => told.at(-1),
    sources: () => [...sources.values()].map(({ tiles }) => tiles),
    /** The addresses of what can be seen. */
    seen: () => [...sources].filter(([name]) => (layers.get(`${name}-stations`)?.paint as Record<string, unknown>)['icon-opacity'] !== 0).map(([, { tiles }]) => tiles),
    layerCount: () => layers.size,
    refreshed: (tiles: string) => sources.get(named(tiles))?.refreshed,
    arrive: (tiles: string) => {
      const source = sources.get(named(tiles));
      if (source) source.loaded = true;
      fire('sourcedata', { sourceId: named(tiles) });
    },
    rest: () => fire('idle'),
    fail: (tiles: string) => fire('error', { sourceId: named(tiles), error: new Error('500') }),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

test('the first tiles are seen as they come', () => {
  const { crowd, seen, told } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  expect(seen()).toEqual([MORNING]);
  expect(told()).toMatchObject({ drawn: MORNING, torn: false, coming: null });
});

test('other tiles come unseen, and take the place of what is drawn when all of them are in and placed', () => {
  const { crowd, seen, sources, told, arrive, rest, layerCount } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  const once = layerCount();
  crowd.want(NOON, 'ready', LOOKS);
  rest();
  expect([seen(), sources(), told()?.coming?.state]).toEqual([[MORNING], [MORNING, NOON], 'loading']);
  arrive(NOON);
  expect(seen()).toEqual([MORNING]);
  rest();
  expect([seen(), sources(), layerCount()]).toEqual([[NOON], [NOON], once]);
  expect(told()).toMatchObject({ drawn: NOON, torn: false, coming: null });
});

test('a map that does not come to rest keeps nobody waiting', () => {
  const { crowd, seen, arrive } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  crowd.want(NOON, 'ready', LOOKS);
  arrive(NOON);
  vi.advanceTimersByTime(1_000);
  expect(seen()).toEqual([NOON]);
});

test('of rapid wishes the newest wins, and never more than two are there', () => {
  const { crowd, seen, sources, arrive, rest } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  crowd.want(NOON, 'ready', LOOKS);
  arrive(NOON);
  crowd.want(NIGHT, 'ready', LOOKS);
  expect(sources()).toEqual([MORNING, NIGHT]);
  vi.advanceTimersByTime(1_000);
  rest();
  expect(seen()).toEqual([MORNING]);
  arrive(NIGHT);
  rest();
  expect([seen(), sources()]).toEqual([[NIGHT], [NIGHT]]);
});

test('whoever wants what is drawn already ends what is coming', () => {
  const { crowd, sources, told } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  crowd.want(NOON, 'ready', LOOKS);
  crowd.want(MORNING, 'ready', LOOKS);
  expect(sources()).toEqual([MORNING]);
  expect(told()).toMatchObject({ drawn: MORNING, torn: false, coming: null });
});

test('tiles that must change together with something else wait until they are wanted again', () => {
  const { crowd, seen, told, arrive, rest } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  crowd.want(NOON, 'told', LOOKS);
  arrive(NOON);
  rest();
  expect([seen(), told()?.drawn, told()?.coming?.state]).toEqual([[MORNING], MORNING, 'ready']);
  crowd.want(NOON, 'ready', LOOKS);
  expect([seen(), told()?.drawn]).toEqual([[NOON], NOON]);
});

test('a tile that cannot be had is told, what is drawn stays, and it is tried again', () => {
  const { crowd, seen, sources, told, arrive, rest, fail } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  crowd.want(NOON, 'ready', LOOKS);
  fail(NOON);
  expect([seen(), sources(), told()?.coming?.state, told()?.coming?.error?.message]).toEqual([[MORNING], [MORNING], 'failed', '500']);
  crowd.relook({ ...LOOKS, how: 'faded' });
  const before = performance.now();
  vi.advanceTimersByTime(6_000);
  expect([sources(), told()?.coming?.state]).toEqual([[MORNING, NOON], 'loading']);
  arrive(NOON);
  rest();
  expect(seen()).toEqual([NOON]);
  // As old as the second asking, and no older.
  expect(told()?.since).toBeGreaterThan(before);
});

test('what is drawn and not all there is told until it is', () => {
  const { crowd, told, fail, refreshed, arrive } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  arrive(MORNING);
  fail(MORNING);
  expect(told()?.torn).toBe(true);
  arrive(MORNING);
  expect([told()?.torn, refreshed(MORNING)]).toEqual([true, 0]);
  vi.advanceTimersByTime(6_000);
  expect(refreshed(MORNING)).toBe(1);
  arrive(MORNING);
  expect(told()?.torn).toBe(false);
});

test('a revision is confirmed when its tiles are in, and not while others are coming', () => {
  const { crowd, arrive, refreshed } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  arrive(MORNING);
  expect(crowd.follow(7, 1_000)).toBeNull();
  expect(refreshed(MORNING)).toBe(1);
  expect(crowd.follow(7, 2_000)).toBe(2_000);
  crowd.want(NOON, 'ready', LOOKS);
  expect(crowd.follow(8, 3_000)).toBeNull();
  expect(refreshed(MORNING)).toBe(1);
});

test('what is hidden leaves nothing', () => {
  const { crowd, sources, layerCount, told } = stage();
  crowd.want(MORNING, 'ready', LOOKS);
  crowd.want(NOON, 'ready', LOOKS);
  crowd.hide();
  expect([sources(), layerCount(), told()?.drawn]).toEqual([[], 0, null]);
});
