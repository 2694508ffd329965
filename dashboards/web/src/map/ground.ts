// What every map of the pages begins with: the same ground, the same bounds, no rotation.
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { Map as MapLibreMap, setWorkerUrl, type GeoJSONSource, type LngLatBoundsLike, type MapOptions } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import { getJson } from '../api/client';
import { provinceNameFeatures } from './features';

/** Lai Châu's bounds, from the outline's own file. */
export const HOME: LngLatBoundsLike = [102.3208, 21.6857, 103.985, 22.8113];
/** Viet Nam with both archipelagos and some sea. */
const FURTHEST: LngLatBoundsLike = [92, 3, 124, 28];

/** A map that shows the province. Throws where the machine cannot draw one. */
export function newMap(options: Pick<MapOptions, 'container' | 'style'> & Partial<MapOptions>): MapLibreMap {
  setWorkerUrl(workerUrl);
  const map = new MapLibreMap({
    bounds: HOME,
    maxBounds: FURTHEST,
    minZoom: 3.2,
    maxZoom: 15,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: false,
    ...options,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  return map;
}

/** Of the screen's pixels, while a map loads. */
const COARSE = 0.1;
/** By then a map is drawn sharply, whatever is missing. */
const COARSE_MS = 6000;

/**
 * Draws a new map coarsely until what this gives is called: without a graphics card a frame of a large screen takes a
 * quarter of a second, and a dozen of them are drawn while the parts of a map arrive. `false` when it was sharp already.
 */
export function coarseAtFirst(map: MapLibreMap): () => boolean {
  map.setPixelRatio(COARSE);
  const sharpen = (): boolean => {
    if (map.getPixelRatio() !== COARSE) return false;
    clearTimeout(timer);
    // null: as the screen has it, also when the window goes to another screen. MapLibre documents it, its types do not.
    map.setPixelRatio(null as unknown as number);
    return true;
  };
  const timer = setTimeout(sharpen, COARSE_MS);
  map.once('remove', () => clearTimeout(timer));
  return sharpen;
}

/** Puts the provinces on the ground, once the style is there. */
export async function fillGround(map: MapLibreMap): Promise<void> {
  const [provinces] = await Promise.all([
    getJson('/geo/provinces.geojson') as Promise<FeatureCollection>,
    new Promise<void>((resolve) => void map.once('load', () => resolve())),
  ]);
  map.getSource<GeoJSONSource>('provinces')?.setData(provinces);
  map.getSource<GeoJSONSource>('province-names')?.setData(provinceNameFeatures(provinces));
}
