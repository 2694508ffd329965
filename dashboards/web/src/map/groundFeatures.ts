// What the ground of a map is made of: each feature says which part of it it is.
import type { Feature, FeatureCollection, GeoJsonProperties, Geometry } from 'geojson';
import type { AreaFeature } from '../api/wire';
import { borders } from './borders';
import { SEA_NAMES } from './seas';
import type { GroundPart } from './style';

const feature = (part: GroundPart, geometry: Geometry, properties: GeoJsonProperties = {}): Feature =>
  ({ type: 'Feature', properties: { part, ...properties }, geometry });

/** The provinces with their borders and names, and the names on the sea. */
export function countryFeatures({ features }: FeatureCollection): Feature[] {
  const { between, around } = borders(features.map(({ geometry }) => geometry));
  return [
    ...features.map(({ geometry }) => feature('province', geometry)),
    feature('province-line', between),
    feature('province-line', around),
    ...features.map(({ properties: of }) =>
      feature('province-name', { type: 'Point', coordinates: [of?.label_lon as number, of?.label_lat as number] }, { code: of?.code, vi: of?.name, en: of?.name_en }),
    ),
    ...SEA_NAMES.features.map(({ geometry, properties }) => feature('sea-name', geometry, properties)),
  ];
}

/** The areas with their borders, the border around them all, and their names. */
export function areaFeatures(areas: readonly AreaFeature[]): Feature[] {
  const { between, around } = borders(areas.map(({ geometry }) => geometry));
  return [
    ...areas.map(({ geometry, properties }) => feature('commune', geometry, { id: properties.id })),
    feature('commune-line', between),
    feature('border', around),
    // At the points that the server computed; a polygon's own label would vanish or double at a tile's edge.
    ...areas.flatMap(({ properties: { label, name } }) =>
      label === null ? [] : [feature('commune-name', { type: 'Point', coordinates: label }, { vi: name.vi ?? '', en: name.en ?? name.vi ?? '' })],
    ),
  ];
}
