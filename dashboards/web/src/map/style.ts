// The map's style: our own boundaries below, the stations above. Rebuilt for a theme or a language and then laid over
// the living map, layer by layer, so that nothing blinks.
import type { ExpressionSpecification, LayerSpecification, Map as MapLibreMap, StyleSpecification } from 'maplibre-gl';
import type { FeatureCollection } from 'geojson';
import { SEVERITIES, SEVERITY, type Language, type Theme } from '../states';
import { FONT_FACES, MEDIUM, SEMIBOLD } from './fonts';

export const LAYER = { bodies: 'stations', alerted: 'stations-alerted', communes: 'communes' } as const;

/** Values stand beside the symbols from here on; further out there is no room for them. */
export const VALUES_ZOOM = 9.6;
export const SOURCE = { stations: 'stations', selected: 'selected', ground: 'ground' } as const;

/** Lai Châu in the provinces' own codes. */
const HOME = '12';

/**
 * How far a border may run beside its points, in pixels of its tile. Without a graphics card lines cost by their points.
 * More than that is left out by the server, on both sides of a border alike: MapLibre would not.
 */
const TOLERANCE = 0.75;
/** How far tiles of the ground reach over their edges, in pixels: more than half of the widest line. What is there is drawn twice. */
const BUFFER = 8;

/** What a feature of the ground is. */
export type GroundPart = 'province' | 'province-line' | 'province-name' | 'commune' | 'commune-line' | 'commune-name' | 'border' | 'sea-name';
const part = (name: GroundPart): ExpressionSpecification => ['==', ['get', 'part'], name];

export const EMPTY: FeatureCollection = { type: 'FeatureCollection', features: [] };

interface Tones {
  ground: string;
  land: string;
  landLine: string;
  landName: string;
  commune: string;
  communeHover: string;
  communeLine: string;
  communeName: string;
  border: string;
  halo: string;
  value: string;
  sea: string;
  selected: string;
}

const TONES: Readonly<Record<Theme, Tones>> = {
  dark: {
    ground: '#0a1116',
    land: '#0f1920',
    landLine: '#1e2d38',
    landName: '#6d808d',
    commune: '#15222c',
    communeHover: '#1b2c38',
    communeLine: '#2c404e',
    communeName: '#91a5b2',
    border: '#5f7d90',
    halo: '#0c141a',
    value: '#e6eef3',
    sea: '#7d93a1',
    selected: '#ffffff',
  },
  light: {
    ground: '#dfe6ea',
    land: '#e9eef0',
    landLine: '#c6d1d8',
    landName: '#6b7c87',
    commune: '#fafbfb',
    communeHover: '#eef3f5',
    communeLine: '#c9d5dc',
    communeName: '#4d626f',
    border: '#6d8797',
    halo: '#ffffff',
    value: '#14232d',
    sea: '#5a707e',
    selected: '#0a1a24',
  },
};

export const byZoom = (...stops: number[]): ExpressionSpecification =>
  ['interpolate', ['linear'], ['zoom'], ...stops] as unknown as ExpressionSpecification;

function ground(tones: Tones, language: Language): LayerSpecification[] {
  return [
    { id: 'ground', type: 'background', paint: { 'background-color': tones.ground } },
    { id: 'provinces', type: 'fill', source: SOURCE.ground, filter: part('province'), paint: { 'fill-color': tones.land, 'fill-antialias': false } },
    { id: 'province-lines', type: 'line', source: SOURCE.ground, filter: part('province-line'), paint: { 'line-color': tones.landLine, 'line-width': 1 } },
    {
      id: LAYER.communes,
      type: 'fill',
      source: SOURCE.ground,
      filter: part('commune'),
      paint: { 'fill-color': ['case', ['boolean', ['feature-state', 'hover'], false], tones.communeHover, tones.commune], 'fill-antialias': false },
    },
    {
      id: 'commune-lines',
      type: 'line',
      source: SOURCE.ground,
      filter: part('commune-line'),
      paint: { 'line-color': tones.communeLine, 'line-width': byZoom(7, 0.5, 11, 1.2) },
    },
    {
      id: 'border-glow',
      type: 'line',
      source: SOURCE.ground,
      filter: part('border'),
      paint: { 'line-color': tones.border, 'line-width': byZoom(6, 3, 10, 9), 'line-blur': byZoom(6, 3, 10, 8), 'line-opacity': 0.35 },
    },
    {
      id: 'border',
      type: 'line',
      source: SOURCE.ground,
      filter: part('border'),
      paint: { 'line-color': tones.border, 'line-width': byZoom(6, 1, 10, 2) },
    },
    {
      id: 'province-names',
      type: 'symbol',
      source: SOURCE.ground,
      filter: ['all', part('province-name'), ['!=', ['get', 'code'], HOME]],
      minzoom: 5,
      layout: {
        'text-field': ['get', language],
        'text-font': MEDIUM,
        'text-size': byZoom(5, 10, 9, 14),
        'text-letter-spacing': 0.06,
        'text-max-width': 7,
      },
      paint: { 'text-color': tones.landName, 'text-halo-color': tones.ground, 'text-halo-width': 1 },
    },
    {
      id: 'sea-names',
      type: 'symbol',
      source: SOURCE.ground,
      filter: part('sea-name'),
      maxzoom: 8.5,
      layout: {
        'text-field': ['get', language],
        'text-font': MEDIUM,
        'text-size': byZoom(3, 10, 6, 13),
        'text-letter-spacing': 0.04,
        'text-max-width': 14,
        'text-allow-overlap': true,
      },
      paint: { 'text-color': tones.sea, 'text-halo-color': tones.ground, 'text-halo-width': 1.2 },
    },
  ];
}

/** Names of communes, above everything that is drawn on the ground. */
const names = (tones: Tones, language: Language): LayerSpecification => ({
  id: 'commune-names',
  type: 'symbol',
  source: SOURCE.ground,
  filter: part('commune-name'),
  minzoom: 7.8,
  layout: {
    'text-field': ['get', language],
    'text-font': MEDIUM,
    'text-size': byZoom(8, 10.5, 11, 14),
    'text-max-width': 7,
    'text-padding': 3,
    'text-variable-anchor-offset': ['center', [0, 0], 'top', [0, 0.8], 'bottom', [0, -0.8], 'top', [0, 2], 'bottom', [0, -2]],
  },
  paint: { 'text-color': tones.communeName, 'text-halo-color': tones.halo, 'text-halo-width': 1.4 },
});

/** Places of a label around a symbol, in the letters' size. */
const around = (y: number, x: number) => ['top', [0, y], 'bottom', [0, -y], 'left', [x, 0], 'right', [-x, 0]];

/** The whole symbol, in steps of zoom. */
export const BODY_SIZE = byZoom(6, 0.36, 8, 0.54, 9, 0.72, 11, 0.9, 13, 1);

/** The ring around a station with an alert, and its mark. */
export const RING = {
  'circle-opacity': 0.2,
  'circle-radius': byZoom(6, 10, 8, 14, 9, 19, 11, 24, 13, 28),
  'circle-stroke-width': byZoom(6, 1.5, 9, 2.2, 13, 3),
};
export const MARK = {
  'icon-image': ['concat', 'mark-', ['get', 'severity']] as ExpressionSpecification,
  'icon-size': byZoom(6, 0.54, 8, 0.74, 9, 0.9, 11, 1.05),
  'icon-offset': [18, -18] as [number, number],
  'icon-padding': 0,
  'icon-allow-overlap': true,
};

/** The colour of a feature's severity; none without one. */
export const severityColour = (theme: Theme): ExpressionSpecification =>
  ['match', ['get', 'severity'], ...SEVERITIES.flatMap((severity) => [severity, SEVERITY[severity].colour[theme]]), 'rgba(0,0,0,0)'] as unknown as ExpressionSpecification;

/** How a value is written beside a station; `alerted` says of which an alert's ring takes room. */
export function writing(theme: Theme, alerted: ExpressionSpecification) {
  const tones = TONES[theme];
  return {
    layout: {
      'text-font': SEMIBOLD,
      'text-size': byZoom(VALUES_ZOOM, 11, 12, 13),
      'text-padding': 1,
      'text-variable-anchor-offset': ['case', alerted, ['literal', around(2.2, 2.4)], ['literal', around(1.55, 1.7)]] as unknown as ExpressionSpecification,
    },
    paint: { 'text-color': tones.value, 'text-halo-color': tones.halo, 'text-halo-width': 1.6 },
  };
}

function stations(tones: Tones, theme: Theme): LayerSpecification[] {
  const colour = severityColour(theme);
  const alerted: ExpressionSpecification = ['!=', ['get', 'severity'], ''];
  const body = {
    type: 'symbol' as const,
    source: SOURCE.stations,
    layout: {
      'icon-image': ['get', 'body'] as ExpressionSpecification,
      'icon-padding': 0,
      'icon-size': BODY_SIZE,
      'icon-allow-overlap': true,
      'symbol-sort-key': ['get', 'order'] as ExpressionSpecification,
    },
  };
  const values = writing(theme, alerted);
  // Symbols are placed from the last layer to the first: names and values give way to stations, names to values.
  return [
    {
      id: 'values',
      type: 'symbol',
      source: SOURCE.stations,
      minzoom: VALUES_ZOOM,
      filter: ['!=', ['get', 'value'], ''],
      layout: { ...values.layout, 'text-field': ['get', 'value'], 'symbol-sort-key': ['-', 0, ['get', 'order']] },
      paint: values.paint,
    },
    { ...body, id: LAYER.bodies, filter: ['!', alerted] },
    {
      id: 'alert-rings',
      type: 'circle',
      source: SOURCE.stations,
      filter: alerted,
      layout: { 'circle-sort-key': ['get', 'order'] },
      paint: { ...RING, 'circle-color': colour, 'circle-stroke-color': colour },
    },
    {
      id: 'selected',
      type: 'circle',
      source: SOURCE.selected,
      paint: {
        'circle-color': 'rgba(0,0,0,0)',
        'circle-radius': byZoom(6, 13, 8, 17, 9, 23, 11, 29, 13, 33),
        'circle-stroke-color': tones.selected,
        'circle-stroke-width': 2.5,
      },
    },
    // Stations with an alert stand above their neighbours, ring and all.
    { ...body, id: LAYER.alerted, filter: alerted },
    {
      id: 'alert-marks',
      type: 'symbol',
      source: SOURCE.stations,
      filter: alerted,
      layout: { ...MARK, 'symbol-sort-key': ['get', 'order'] },
    },
  ];
}

/** The ground alone: boundaries and names, for maps that put something else on it. The names are its last layer. */
export function groundStyle(theme: Theme, language: Language): StyleSpecification {
  const tones = TONES[theme];
  return {
    version: 8,
    'font-faces': FONT_FACES,
    // In one piece: for each source with lines or surfaces MapLibre draws the shapes of all its tiles, twice a frame.
    sources: { [SOURCE.ground]: { type: 'geojson', data: EMPTY, promoteId: 'id', tolerance: TOLERANCE, buffer: BUFFER } },
    layers: [...ground(tones, language), names(tones, language)],
  };
}

/** The whole style. Sources that the page fills later begin empty. */
export function mapStyle(theme: Theme, language: Language): StyleSpecification {
  const { sources, layers, ...rest } = groundStyle(theme, language);
  const empty = { type: 'geojson' as const, data: EMPTY };
  return { ...rest, sources: { ...sources, [SOURCE.stations]: empty, [SOURCE.selected]: empty }, layers: [...layers, ...stations(TONES[theme], theme)] };
}

/** Lays the looks of a style over a map that has the same layers. */
export function relook(map: MapLibreMap, theme: Theme, language: Language, style = mapStyle): void {
  layOver(map, style(theme, language).layers);
}

/** Lays the looks of layers over those that a map has. */
export function layOver(map: MapLibreMap, layers: readonly LayerSpecification[]): void {
  for (const layer of layers) {
    for (const [name, value] of Object.entries(layer.paint ?? {})) map.setPaintProperty(layer.id, name as never, value as never);
    for (const [name, value] of Object.entries(layer.layout ?? {})) map.setLayoutProperty(layer.id, name as never, value as never);
  }
}

/** How much is left of what is no longer current. */
export const FADED = 0.38;

/** While the connection is lost the stations fade: what is drawn is the past. */
export function fade(map: MapLibreMap, how: 'clear' | 'faded'): void {
  const opacity = how === 'clear' ? 1 : FADED;
  map.setPaintProperty(LAYER.bodies, 'icon-opacity', opacity);
  map.setPaintProperty(LAYER.alerted, 'icon-opacity', opacity);
  map.setPaintProperty('alert-marks', 'icon-opacity', opacity);
  map.setPaintProperty('alert-rings', 'circle-stroke-opacity', opacity);
  map.setPaintProperty('values', 'text-opacity', opacity);
}
