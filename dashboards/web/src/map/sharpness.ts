// Without a graphics card a frame of a large screen takes a quarter of a second. The operations map is therefore drawn
// when its parts are there, not at each that arrives, and where frames come late coarsely while it moves; soon after it
// came to rest it is sharp.
import type { Map as MapLibreMap } from 'maplibre-gl';
import { Pace } from './pace';

/** By then a map is drawn as it is, whatever is missing, and at each part that arrives. */
const LOADING_MS = 3000;
/** A hand that lets go soon takes hold again. */
const REST_MS = 250;

export interface Sharpness {
  /** Its parts are there. */
  loaded: () => void;
  /** Otherwise the map will be drawn once more, and come to rest once more. */
  isSharp: () => boolean;
}

/** Leaves a new map that rests undrawn until `loaded`; from then on draws it with as many pixels as come in time while it moves, and with all at rest. */
export function keepFluent(map: MapLibreMap): Sharpness {
  const pace = new Pace();
  let share = 1;
  let isLoaded = false;
  let isMoving = false;
  let hasDrawn = false;
  let ticking = 0;

  /** Whether the canvas has another size now: it is empty until it is drawn. */
  function resize(next: number): boolean {
    // Without a style the context is lost: what comes back is drawn by `settle`.
    if (next === share || !map.style) return false;
    share = next;
    // setPixelRatio tells of it as of a movement, which ends the gesture that it falls into. null: as the screen has it,
    // also when the window goes to another one.
    map._overridePixelRatio = share === 1 ? null : share * devicePixelRatio;
    map._resizeInternal();
    return true;
  }
  function settle(): void {
    const isFirst = !isLoaded;
    isLoaded = true;
    if (isMoving) move();
    else if (resize(1) || isFirst) map.redraw();
  }
  let timer = setTimeout(settle, LOADING_MS);
  const { painter, style } = map;
  const paint = painter.render.bind(painter);
  painter.render = (...what) => {
    if (isLoaded) paint(...what);
  };
  // Neither are symbols placed until then, but for once, because every frame wants to know of a placement; and the first
  // that are drawn are there at once: nothing fades in on an empty map.
  const place = style._updatePlacement.bind(style);
  let placed: 'never' | 'unseen' | 'seen' = 'never';
  style._updatePlacement = (transform, withBoxes, fadeMs, ...more) => {
    if (!isLoaded && placed !== 'never') return false;
    const fadesMs = placed === 'seen' ? fadeMs : 0;
    placed = isLoaded ? 'seen' : 'unseen';
    return place(transform, withBoxes, fadesMs, ...more);
  };

  function watch(before: number): void {
    ticking = requestAnimationFrame((at) => {
      // First of all: what is drawn below may be the end of the movement.
      watch(at);
      // A hand that holds still is no machine in time.
      const isFrame = hasDrawn;
      hasDrawn = false;
      if (isFrame && pace.frame(at - before, at) && resize(pace.share)) map.redraw();
    });
  }
  function move(): void {
    const now = performance.now();
    clearTimeout(timer);
    cancelAnimationFrame(ticking);
    pace.begin(now);
    watch(now);
    // Movements begin within a frame, or ask for one: it is drawn in any case.
    resize(pace.share);
  }
  map.on('render', () => (hasDrawn = true));
  map.on('movestart', () => {
    isMoving = true;
    // Who moves a map wants to see it.
    isLoaded = true;
    move();
  });
  map.on('moveend', () => {
    isMoving = false;
    cancelAnimationFrame(ticking);
    clearTimeout(timer);
    timer = setTimeout(settle, REST_MS);
  });
  map.on('webglcontextrestored', () => isLoaded && settle());
  map.once('remove', () => {
    clearTimeout(timer);
    cancelAnimationFrame(ticking);
  });
  return {
    loaded: () => {
      if (isLoaded) return;
      clearTimeout(timer);
      settle();
    },
    isSharp: () => share === 1,
  };
}
