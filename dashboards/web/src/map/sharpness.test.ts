// When a map is drawn coarsely, on a machine that draws slowly and on one that does not.
import type { Map as MapLibreMap } from 'maplibre-gl';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepFluent } from './sharpness';

class FakeMap {
  _overridePixelRatio: number | null | undefined = undefined;
  /** What the canvas has, and what was drawn on it. */
  canvas: number = devicePixelRatio;
  drawn: number[] = [];
  /** How long symbols take to fade in, of each time that they were placed. */
  placed: number[] = [];
  style = { _updatePlacement: (_transform: unknown, _withBoxes: unknown, fadeMs: number) => this.placed.push(fadeMs) > 0 };
  /** Frames that MapLibre drew by itself. */
  frames = 0;
  painter = { render: () => (this.frames += 1) };
  /** What happens within the next drawing. */
  within: (() => void) | null = null;
  #listeners = new Map<string, () => void>();

  on(name: string, listener: () => void): void {
    this.#listeners.set(name, listener);
  }
  once(name: string, listener: () => void): void {
    this.on(name, listener);
  }
  fire(name: string): void {
    this.#listeners.get(name)?.();
  }
  _resizeInternal(): void {
    this.canvas = this._overridePixelRatio ?? devicePixelRatio;
  }
  redraw(): void {
    const { within } = this;
    this.within = null;
    within?.();
    this.drawn.push(this.canvas);
    this.fire('render');
  }
}

let frames: Array<(at: number) => void> = [];
function frame(gapMs: number): void {
  vi.advanceTimersByTime(gapMs);
  const due = frames;
  frames = [];
  for (const callback of due) callback(performance.now());
}

beforeEach(() => {
  vi.useFakeTimers();
  frames = [];
  vi.stubGlobal('devicePixelRatio', 2);
  vi.stubGlobal('requestAnimationFrame', (callback: (at: number) => void) => frames.push(callback));
  vi.stubGlobal('cancelAnimationFrame', () => (frames = []));
});
afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

function loaded() {
  const map = new FakeMap();
  const sharpness = keepFluent(map as unknown as MapLibreMap);
  sharpness.loaded();
  return { map, sharpness };
}
/** A movement of so many frames. */
function move(map: FakeMap, count: number, gapMs: number): void {
  map.fire('movestart');
  for (let one = 0; one < count; one += 1) {
    map.fire('render');
    frame(gapMs);
  }
}

test('a new map is not drawn until its parts are there', () => {
  const map = new FakeMap();
  const sharpness = keepFluent(map as unknown as MapLibreMap);
  map.painter.render();
  expect([map.frames, map.drawn]).toEqual([0, []]);
  sharpness.loaded();
  expect([sharpness.isSharp(), map.drawn]).toEqual([true, [2]]);
  map.painter.render();
  expect(map.frames).toBe(1);
});

test('a map whose parts do not come is drawn after a while, and from then on', () => {
  const map = new FakeMap();
  const sharpness = keepFluent(map as unknown as MapLibreMap);
  vi.advanceTimersByTime(2999);
  expect(map.drawn).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(map.drawn).toEqual([2]);
  map.painter.render();
  expect(map.frames).toBe(1);
  sharpness.loaded();
  expect(map.drawn).toEqual([2]);
});

test('symbols of a new map are placed when it is drawn, and are there at once', () => {
  const map = new FakeMap();
  const place = () => map.style._updatePlacement(null, false, 150);
  const sharpness = keepFluent(map as unknown as MapLibreMap);
  // Every frame wants to know of a placement.
  expect([place(), place(), place(), map.placed]).toEqual([true, false, false, [0]]);
  sharpness.loaded();
  expect([place(), place(), map.placed]).toEqual([true, true, [0, 0, 150]]);
});

test('a new map that is moved is drawn', () => {
  const map = new FakeMap();
  keepFluent(map as unknown as MapLibreMap);
  // Also where the movement is over before its first frame.
  map.fire('movestart');
  map.fire('moveend');
  map.painter.render();
  expect(map.frames).toBe(1);
});

test('where frames come in time a movement is sharp', () => {
  const { map, sharpness } = loaded();
  move(map, 200, 17);
  expect(sharpness.isSharp()).toBe(true);
  expect(map.drawn).toEqual([2]);
});

test('where they come late it is coarse, and sharp again at rest', () => {
  const { map, sharpness } = loaded();
  move(map, 3, 250);
  expect(sharpness.isSharp()).toBe(false);
  expect(map.canvas).toBeLessThan(1);
  // A canvas of another size is empty: whatever it became was drawn.
  expect(map.drawn.at(-1)).toBe(map.canvas);
  map.fire('moveend');
  vi.advanceTimersByTime(249);
  expect(sharpness.isSharp()).toBe(false);
  vi.advanceTimersByTime(1);
  expect([sharpness.isSharp(), map.drawn.at(-1)]).toEqual([true, 2]);
});

test('a movement soon after another one goes on as coarsely, a later one begins so', () => {
  const { map, sharpness } = loaded();
  move(map, 3, 250);
  const coarse = map.canvas;
  map.fire('moveend');
  vi.advanceTimersByTime(200);
  move(map, 1, 17);
  vi.advanceTimersByTime(1000);
  expect(map.canvas).toBe(coarse);
  map.fire('moveend');
  vi.advanceTimersByTime(1000);
  expect(sharpness.isSharp()).toBe(true);
  map.fire('movestart');
  expect(map.canvas).toBe(coarse);
});

test('a movement that ends while it is drawn is at an end', () => {
  const { map, sharpness } = loaded();
  map.within = () => map.fire('moveend');
  move(map, 3, 250);
  expect(sharpness.isSharp()).toBe(false);
  vi.advanceTimersByTime(250);
  expect(frames).toHaveLength(0);
  const { length } = map.drawn;
  for (let one = 0; one < 100; one += 1) frame(17);
  expect([sharpness.isSharp(), map.drawn.length]).toEqual([true, length]);
});

test('a hand that holds still does not make the map sharper', () => {
  const { map } = loaded();
  move(map, 3, 250);
  const coarse = map.canvas;
  frame(17);
  for (let one = 0; one < 100; one += 1) frame(17);
  expect(map.canvas).toBe(coarse);
});

test('a movement while the parts arrive is drawn as the machine can', () => {
  const map = new FakeMap();
  const sharpness = keepFluent(map as unknown as MapLibreMap);
  map.fire('movestart');
  vi.advanceTimersByTime(6000);
  for (let one = 0; one < 3; one += 1) {
    map.fire('render');
    frame(250);
  }
  expect(map.canvas).toBeLessThan(1);
  map.fire('moveend');
  vi.advanceTimersByTime(250);
  expect(sharpness.isSharp()).toBe(true);
});

test('a lost context is left alone, and what comes back is sharp', () => {
  const { map, sharpness } = loaded();
  move(map, 3, 250);
  map.fire('moveend');
  const { style, drawn } = map;
  Object.assign(map, { style: undefined });
  const { length } = drawn;
  vi.advanceTimersByTime(250);
  expect(drawn).toHaveLength(length);
  map.style = style;
  map.fire('webglcontextrestored');
  expect([sharpness.isSharp(), drawn.at(-1)]).toEqual([true, 2]);
});

test('a map that is gone is not drawn', () => {
  const { map } = loaded();
  move(map, 3, 250);
  map.fire('moveend');
  const { length } = map.drawn;
  map.fire('remove');
  vi.advanceTimersByTime(1000);
  frame(17);
  expect(map.drawn).toHaveLength(length);
});
