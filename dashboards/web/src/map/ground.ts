// What every map of the pages begins with: the same ground, the same bounds, no rotation.
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?worker&url';
import { Map as MapLibreMap, prewarm, setWorkerUrl, type GeoJSONSource, type LngLatBoundsLike, type MapOptions } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import { getJson } from '../api/client';
import type { AreaFeature } from '../api/wire';
import { areaFeatures, countryFeatures } from './groundFeatures';
import { SOURCE } from './style';

setWorkerUrl(workerUrl);

/** Starts the worker of maps before there is one: it loads while the page around the map is built. */
export { prewarm as warmUp };

/** Lai Châu's bounds, from the outline's own file. */
export const HOME: LngLatBoundsLike = [102.3208, 21.6857, 103.985, 22.8113];
/** Viet Nam with both archipelagos and some sea. */
const FURTHEST: LngLatBoundsLike = [92, 3, 124, 28];

/** A map that shows the province. Throws where the machine cannot draw one. */
export function newMap(options: Pick<MapOptions, 'container' | 'style'> & Partial<MapOptions>): MapLibreMap {
  const map = new MapLibreMap({
    bounds: HOME,
    maxBounds: FURTHEST,
    minZoom: 3.2,
    maxZoom: 15,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: false,
    // A unit test does.
    validateStyle: false,
    ...options,
  });
  leaveOutSky(map);
  // What draws then is new.
  map.on('webglcontextrestored', () => leaveOutSky(map));
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  return map;
}

/** MapLibre draws a sky over the whole canvas with every frame. Nothing of it is seen from straight above. */
function leaveOutSky({ painter }: MapLibreMap): void {
  painter.drawFunctions = { ...painter.drawFunctions, sky: () => {} };
}

/** The ground of a map. */
export interface Ground {
  /** Draws these areas over the country, with their borders and names; none: the country alone. */
  show: (areas: readonly AreaFeature[]) => void;
}

/** The ground of a map whose style is there: empty until it is shown. */
export async function newGround(map: MapLibreMap): Promise<Ground> {
  const [provinces] = await Promise.all([
    getJson('/geo/provinces.geojson') as Promise<FeatureCollection>,
    new Promise<void>((resolve) => void map.once('style.load', () => resolve())),
  ]);
  const country = countryFeatures(provinces);
  return { show: (areas) => void map.getSource<GeoJSONSource>(SOURCE.ground)?.setData({ type: 'FeatureCollection', features: [...country, ...areaFeatures(areas)] }) };
}
