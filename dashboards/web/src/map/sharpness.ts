// Without a graphics card a frame of a large screen takes a quarter of a second. A map is therefore drawn coarsely while its
// parts arrive and, where frames come late, while it moves; at rest it is always sharp.
import type { Map as MapLibreMap } from 'maplibre-gl';
import { Pace } from './pace';

/** Of the screen's pixels along a side, while a map loads. */
const LOADING = 0.1;
/** By then a map is drawn sharply, whatever is missing. */
const LOADING_MS = 6000;
/** A hand that lets go soon takes hold again. */
const REST_MS = 250;

export interface Sharpness {
  /** Its parts are there. */
  loaded: () => void;
  /** Otherwise the map will be drawn once more, and come to rest once more. */
  isSharp: () => boolean;
}

/** Draws a new map coarsely, until `loaded`, and from then on no faster than it can. */
export function keepFluent(map: MapLibreMap): Sharpness {
  const pace = new Pace();
  let share = 1;
  let isLoaded = false;
  let ticking = 0;

  function resize(next: number): boolean {
    if (next === share) return false;
    share = next;
    // setPixelRatio tells of it as of a movement, which ends the gesture that it falls into. null: as the screen has it,
    // also when the window goes to another one.
    map._overridePixelRatio = share === 1 ? null : share * devicePixelRatio;
    map._resizeInternal();
    return true;
  }
  /** A canvas of another size is empty until it is drawn. */
  function draw(next: number): void {
    if (resize(next)) map.redraw();
  }
  function settle(): void {
    isLoaded = true;
    draw(1);
  }
  let timer = setTimeout(settle, LOADING_MS);
  resize(LOADING);

  function watch(before: number): void {
    ticking = requestAnimationFrame((at) => {
      if (pace.frame(at - before)) draw(pace.share);
      watch(at);
    });
  }
  map.on('movestart', () => {
    if (!isLoaded) return;
    clearTimeout(timer);
    cancelAnimationFrame(ticking);
    pace.begin();
    // Movements begin within a frame, or ask for one: it is drawn in any case.
    resize(pace.share);
    watch(performance.now());
  });
  map.on('moveend', () => {
    if (!isLoaded) return;
    cancelAnimationFrame(ticking);
    clearTimeout(timer);
    timer = setTimeout(settle, REST_MS);
  });
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
