// How each map layer is drawn below the stations: from the server's tiles, in the colours of its legend; what is not
// known looks so.
import type { ExpressionSpecification, LayerSpecification, Map as MapLibreMap } from 'maplibre-gl';
import type { MapLayer, Mark } from '../api/layers';
import type { OverlayId } from '../live/overlays.svelte';
import { atWords } from '../live/steps';
import type { Theme } from '../states';
import { PROPERTIES_NAMED } from '../words/properties';
import { SEMIBOLD } from './fonts';
import { putDrawings, RATIO, type Drawing } from './images';
import { HATCHES, hatchSvg, shapeSvg } from './marks';

const SHAPE_PX = 64;
const HATCH_PX = 16;
const UNKNOWN: Readonly<Record<Theme, string>> = { dark: '#8fa2af', light: '#566974' };
const HALO: Readonly<Record<Theme, string>> = { dark: '#0c141a', light: '#ffffff' };
const WATCHED: Readonly<Record<Theme, string>> = { dark: '#35c4a0', light: '#0b7a62' };
/** From here on roads are lines; further out their stations stand for them. */
const LINES_ZOOM = 9;
/** Bands and what sensors watch have no more detail beyond: the map enlarges their tiles. */
const SHAPES_ZOOM_MAX = 11;
/** Outlines of areas have, but none that is seen beside a boundary. */
const AREAS_ZOOM_MAX = 13;
const POINTS_ZOOM_MAX = 16;

const asExpression = (parts: unknown[]): ExpressionSpecification => parts as ExpressionSpecification;
const byZoom = (...stops: number[]): ExpressionSpecification => asExpression(['interpolate', ['linear'], ['zoom'], ...stops]);

/** The tiles of a layer at a moment (now when null): whole addresses, because the map's worker has no page. */
export function tilesOf(layer: string, at: number | null, origin: string): string {
  return `${origin}/tiles/${layer}/{z}/{x}/{y}.mvt${at === null ? '' : `?at=${atWords(at)}`}`;
}

const isArea = (id: OverlayId): boolean => id !== 'roads' && id !== 'rivers';

export function zoomMax(id: OverlayId): number {
  if (id === 'areas') return AREAS_ZOOM_MAX;
  return isArea(id) ? SHAPES_ZOOM_MAX : POINTS_ZOOM_MAX;
}

/** The colour of each value of a legend; `otherwise` for what it does not tell. */
function coloured(property: string, legend: readonly Mark[], otherwise: string): ExpressionSpecification | string {
  const own = legend.filter((mark) => mark.property === property);
  if (own.length === 0) return otherwise;
  return asExpression(['match', ['to-string', ['get', property]], ...own.flatMap(({ value, colour }) => [value, colour]), otherwise]);
}

const shapeImage = (mark: Mark): string => `over-${mark.shape}-${mark.colour}`;
const unknownImage = (theme: Theme): string => `over-dashed-${theme}`;
const hatchImage = (hatch: (typeof HATCHES)[number], theme: Theme): string => `over-hatch-${hatch}-${theme}`;

/** `A` of `A: Thông suốt`. */
const letter = ({ title }: Mark): string => (title.vi ?? '').split(':')[0] ?? '';

/** The least share of channels with a current value, over the properties that a commune has. */
const completeness: ExpressionSpecification = asExpression(['min', 1, ...PROPERTIES_NAMED.map((name) => ['coalesce', ['get', `${name}_completeness`], 1])]);

function communes(source: string, legend: readonly Mark[], theme: Theme): LayerSpecification[] {
  const from = { source, 'source-layer': 'areas' };
  return [
    { id: `${source}-fill`, type: 'fill', ...from, filter: ['has', 'severity'], paint: { 'fill-color': coloured('severity', legend, 'rgba(0,0,0,0)'), 'fill-opacity': 0.42 } },
    { id: `${source}-none`, type: 'fill', ...from, filter: ['==', ['get', 'stations'], 0], paint: { 'fill-pattern': hatchImage('none', theme), 'fill-opacity': 0.8 } },
    { id: `${source}-partial`, type: 'fill', ...from, filter: ['all', ['>', ['get', 'stations'], 0], ['<', completeness, 0.5]], paint: { 'fill-pattern': hatchImage('partial', theme), 'fill-opacity': 0.5 } },
    { id: `${source}-line`, type: 'line', ...from, filter: ['has', 'severity'], paint: { 'line-color': coloured('severity', legend, 'rgba(0,0,0,0)'), 'line-width': byZoom(7, 1, 11, 2.2), 'line-opacity': 0.9 } },
    // The mark beside the name: hue alone says nothing.
    {
      id: `${source}-marks`, type: 'symbol', source, 'source-layer': 'labels', filter: ['has', 'severity'],
      layout: { 'icon-image': asExpression(['concat', 'mark-', ['get', 'severity']]), 'icon-size': byZoom(7, 0.5, 11, 0.8), 'icon-offset': [0, -22], 'icon-allow-overlap': true, 'icon-ignore-placement': true },
    },
  ];
}

function bands(id: string, source: string, legend: readonly Mark[]): LayerSpecification[] {
  return [{ id: `${source}-fill`, type: 'fill', source, 'source-layer': id, paint: { 'fill-color': coloured('step', legend, 'rgba(0,0,0,0)'), 'fill-opacity': 0.5, 'fill-antialias': false } }];
}

/** The legend's shape around each station, larger for many in one place. */
function halos(id: string, source: string, legend: readonly Mark[], theme: Theme): LayerSpecification[] {
  const image = asExpression(['match', ['to-string', ['coalesce', ['get', 'level'], '']], ...legend.flatMap((mark) => [mark.value, shapeImage(mark)]), unknownImage(theme)]);
  const layout = { 'icon-image': image, 'icon-allow-overlap': true, 'icon-ignore-placement': true, 'icon-padding': 0 };
  const size = byZoom(6, 0.4, 8, 0.58, 9, 0.76, 11, 0.95, 13, 1.05);
  return [
    { id: `${source}-halos`, type: 'symbol', source, 'source-layer': id, layout: { ...layout, 'icon-size': size } },
    {
      id: `${source}-many`, type: 'symbol', source, 'source-layer': 'clusters',
      layout: { ...layout, 'icon-size': byZoom(6, 0.6, 9, 1), 'text-field': asExpression(['to-string', ['get', 'count']]), 'text-font': SEMIBOLD, 'text-size': 12, 'text-allow-overlap': true, 'text-offset': [0, 2.2] },
      paint: { 'text-color': theme === 'dark' ? '#e6eef3' : '#14232d', 'text-halo-color': HALO[theme], 'text-halo-width': 1.6 },
    },
  ];
}

function stretches(source: string, legend: readonly Mark[], theme: Theme): LayerSpecification[] {
  const from = { source, 'source-layer': 'segments', minzoom: LINES_ZOOM };
  const width = byZoom(9, 4, 13, 9);
  return [
    { id: `${source}-casing`, type: 'line', ...from, filter: ['has', 'level'], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': HALO[theme], 'line-width': byZoom(9, 7, 13, 13) } },
    { id: `${source}-line`, type: 'line', ...from, filter: ['has', 'level'], layout: { 'line-cap': 'round', 'line-join': 'round' }, paint: { 'line-color': coloured('level', legend, UNKNOWN[theme]), 'line-width': width } },
    { id: `${source}-unknown`, type: 'line', ...from, filter: ['!', ['has', 'level']], paint: { 'line-color': UNKNOWN[theme], 'line-width': 2.5, 'line-dasharray': [2, 2] } },
    {
      id: `${source}-letters`, type: 'symbol', ...from, filter: ['has', 'level'],
      layout: { 'symbol-placement': 'line', 'symbol-spacing': 160, 'text-field': asExpression(['match', ['to-string', ['get', 'level']], ...legend.flatMap((mark) => [mark.value, letter(mark)]), '']), 'text-font': SEMIBOLD, 'text-size': 13, 'text-keep-upright': true },
      paint: { 'text-color': theme === 'dark' ? '#ffffff' : '#14232d', 'text-halo-color': HALO[theme], 'text-halo-width': 2 },
    },
  ];
}

function footprints(source: string, theme: Theme): LayerSpecification[] {
  const works: ExpressionSpecification = ['==', ['get', 'working'], true];
  return [
    { id: `${source}-fill`, type: 'fill', source, filter: works, paint: { 'fill-color': WATCHED[theme], 'fill-opacity': 0.2 } },
    { id: `${source}-line`, type: 'line', source, filter: works, paint: { 'line-color': WATCHED[theme], 'line-width': 1.6, 'line-opacity': 0.95 } },
    { id: `${source}-not`, type: 'line', source, filter: ['!', works], paint: { 'line-color': UNKNOWN[theme], 'line-width': 1.6, 'line-dasharray': [3, 3], 'line-opacity': 0.95 } },
  ];
}

function holes(source: string, theme: Theme): LayerSpecification[] {
  return [
    { id: `${source}-fill`, type: 'fill', source, paint: { 'fill-pattern': hatchImage('hole', theme), 'fill-opacity': 0.7 } },
    { id: `${source}-line`, type: 'line', source, paint: { 'line-color': theme === 'dark' ? '#ff9a9a' : '#b3141c', 'line-width': 1.2, 'line-opacity': 0.9 } },
  ];
}

/** The layers of the map's style that draw an overlay, the lowest first. */
export function drawnBy(id: OverlayId, source: string, layer: MapLayer | undefined, theme: Theme): LayerSpecification[] {
  const legend = layer?.legend ?? [];
  switch (id) {
    case 'areas':
      return communes(source, legend, theme);
    case 'roads':
      return [...stretches(source, legend, theme), ...halos(id, source, legend, theme)];
    case 'rivers':
      return halos(id, source, legend, theme);
    case 'footprints':
      return footprints(source, theme);
    case 'holes':
      return holes(source, theme);
    default:
      return bands(id, source, legend);
  }
}

/** Adds the images that overlays are drawn with. */
export async function putMarks(map: MapLibreMap, layers: Iterable<MapLayer>, theme: Theme): Promise<void> {
  const wanted = new Map<string, Drawing>();
  const want = (name: string, svg: string, pixels: number): void => void wanted.set(name, [name, svg, pixels]);
  const shape = SHAPE_PX * RATIO;
  want(unknownImage(theme), shapeSvg('dashed', UNKNOWN[theme], shape), shape);
  for (const hatch of HATCHES) want(hatchImage(hatch, theme), hatchSvg(hatch, theme, HATCH_PX * RATIO), HATCH_PX * RATIO);
  for (const { id, legend } of layers) {
    if (id === 'roads' || id === 'rivers') for (const mark of legend) want(shapeImage(mark), shapeSvg(mark.shape, mark.colour, shape), shape);
  }
  await putDrawings(map, [...wanted.values()].filter(([name]) => !map.hasImage(name)));
}
