// How stations of vector tiles are drawn: clusters that say how many, the worst freshness and the worst severity, and
// stations that look as they do otherwise. A source has layers of its own, so that two can be on a map at once.
import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl';
import type { Language, Theme } from '../states';
import { digitsOf, LEADING, PROPERTIES_NAMED, unitAfter, UNITS_NAMED } from '../words/properties';
import { LOCALE } from '../words/time';
import { SEMIBOLD } from './fonts';
import { BODY_SIZE, FADED, MARK, RING, severityColour, writing } from './style';

/** For ages while no news comes: tiles do not say the intervals of their stations, and this is what an unsaid one counts as. */
const INTERVAL_S = 600;
/** How long what grows old takes to fade. */
const FADING_MS = 300;
/** Tiles have values from here on. */
const VALUES_ZOOM = 13;
/** Where values that are not seen are placed, in pixels: there they take no room from those that are. */
const AWAY: [number, number] = [-100_000, 0];

const told: ExpressionSpecification = ['to-string', ['coalesce', ['get', 'freshness'], 'silent']];

/** How fresh a feature is drawn. While nothing can be asked, `agedAt` says now: nothing looks live then, and time goes on. */
function drawn(agedAt: number | null, heard: 'heard_at' | 'oldest_at'): ExpressionSpecification {
  if (agedAt === null) return told;
  const age: ExpressionSpecification = ['-', Math.round(agedAt / 1000), ['to-number', ['coalesce', ['get', heard], 0]]];
  const byAge: ExpressionSpecification = ['step', age, 'late', 2 * INTERVAL_S, 'stale', 5 * INTERVAL_S, 'silent'];
  return ['match', told, ['live', 'late'], byAge, 'stale', ['case', ['==', byAge, 'silent'], 'silent', 'stale'], told];
}

const asExpression = (parts: unknown[]): ExpressionSpecification => parts as ExpressionSpecification;

/**
 * The value beside a station: of the property that speaks for it, as lists and panels write it, and nothing where that has
 * no good current value. Of a station without any of those properties it is the first that has a name here.
 */
export function valueText(language: Language): ExpressionSpecification {
  const [property, unit] = [['var', 'property'], ['to-string', ['coalesce', ['get', ['concat', ['var', 'property'], '_unit']], '']]];
  const others = PROPERTIES_NAMED.filter((name) => !LEADING.includes(name));
  const leading = ['case', ...[...LEADING, ...others].flatMap((name) => [['has', `${name}_unit`], name]), ''];
  const digits = ['match', property, ...PROPERTIES_NAMED.flatMap((name) => [name, digitsOf(name)]), 0];
  const number = ['number-format', ['to-number', ['get', property]], { locale: LOCALE[language], 'min-fraction-digits': digits, 'max-fraction-digits': digits }];
  const after = ['match', unit, ...UNITS_NAMED.flatMap((name) => [name, unitAfter(name, language)]), ['concat', '\u00a0', unit]];
  return asExpression(['let', 'property', leading, ['case', ['has', property], ['concat', number, after], '']]);
}

/** In steps of the count, so that a glance tells tens from thousands. */
const byCount = (...sizes: [number, number, number, number]): ExpressionSpecification =>
  ['step', ['get', 'count'], sizes[0], 10, sizes[1], 100, sizes[2], 1000, sizes[3]];

/** Ink of the count on a disc. */
const INK: Readonly<Record<Theme, { filled: string; hollow: string }>> = {
  dark: { filled: '#06231b', hollow: '#e6eef3' },
  light: { filled: '#ffffff', hollow: '#14232d' },
};

export interface Looks {
  theme: Theme;
  language: Language;
  /** Clear is what is asked for; faded is what was last known; what is unseen is loaded and placed all the same. */
  how: 'clear' | 'faded' | 'unseen';
  agedAt: number | null;
}

const OPACITY: Readonly<Record<Looks['how'], { icon: number; count: number; ring: number }>> = {
  clear: { icon: 1, count: 1, ring: RING['circle-opacity'] },
  faded: { icon: FADED, count: 0.6, ring: RING['circle-opacity'] },
  unseen: { icon: 0, count: 0, ring: 0 },
};

/** The layers in which a source's single stations are found, those with alerts first. */
export const pointLayers = (source: string): string[] => [`${source}-alerted`, `${source}-stations`];

/** The layer in which a source's groups are found. */
export const clusterLayer = (source: string): string => `${source}-clusters`;

/** The layers of a source, the lowest first. */
export function crowdLayers(source: string, { theme, language, how, agedAt }: Looks): LayerSpecification[] {
  const opacity = OPACITY[how];
  // What takes another's place takes it at once; what is no longer current goes dim gently.
  const transition = { duration: how === 'faded' ? FADING_MS : 0, delay: 0 };
  const alerted: ExpressionSpecification = ['has', 'severity'];
  const [points, clusters] = [{ source, 'source-layer': 'stations' }, { source, 'source-layer': 'clusters' }];
  const colour = severityColour(theme);
  const ring = {
    ...RING,
    'circle-color': colour,
    'circle-stroke-color': colour,
    'circle-opacity': opacity.ring,
    'circle-stroke-opacity': opacity.icon,
    'circle-opacity-transition': transition,
    'circle-stroke-opacity-transition': transition,
  };
  const icon = { 'icon-opacity': opacity.icon, 'icon-opacity-transition': transition };
  const overlapping = { 'icon-allow-overlap': true, 'icon-padding': 0 };
  const body = {
    type: 'symbol' as const,
    ...points,
    layout: {
      ...overlapping,
      'icon-image': ['concat', 'body-', ['get', 'kind'], '-', drawn(agedAt, 'heard_at')] as ExpressionSpecification,
      'icon-size': BODY_SIZE,
    },
    paint: icon,
  };
  const discs = drawn(agedAt, 'oldest_at');
  const value = writing(theme, alerted);
  return [
    {
      id: `${source}-values`,
      type: 'symbol',
      ...points,
      minzoom: VALUES_ZOOM,
      layout: {
        ...value.layout,
        // A number on a map looks current: while nothing can be asked, it is written no longer than it would be late.
        'text-field': agedAt === null ? valueText(language) : ['case', ['==', drawn(agedAt, 'heard_at'), 'late'], valueText(language), ''],
        'symbol-sort-key': ['case', alerted, 0, 1],
      },
      paint: {
        ...value.paint,
        'text-opacity': opacity.icon,
        'text-opacity-transition': transition,
        'text-translate': how === 'unseen' ? AWAY : [0, 0],
        'text-translate-transition': { duration: 0, delay: 0 },
      },
    },
    { ...body, id: `${source}-stations`, filter: ['!', alerted] },
    {
      id: `${source}-cluster-rings`,
      type: 'circle',
      ...clusters,
      filter: alerted,
      paint: { ...ring, 'circle-radius': byCount(21, 24, 28, 32), 'circle-stroke-width': 2.2 },
    },
    {
      id: clusterLayer(source),
      type: 'symbol',
      ...clusters,
      layout: {
        ...overlapping,
        'icon-image': ['concat', 'many-', discs],
        'icon-size': byCount(0.72, 0.82, 0.96, 1.12),
        'text-field': ['number-format', ['get', 'count'], { locale: language }],
        'text-font': SEMIBOLD,
        'text-size': byCount(12, 12.5, 13, 13.5),
        'text-allow-overlap': true,
      },
      paint: { ...icon, 'text-opacity': opacity.count, 'text-opacity-transition': transition, 'text-color': ['match', discs, 'live', INK[theme].filled, INK[theme].hollow] },
    },
    {
      id: `${source}-cluster-marks`,
      type: 'symbol',
      ...clusters,
      filter: alerted,
      layout: { ...MARK, 'icon-size': 0.9, 'icon-offset': ['step', ['get', 'count'], ['literal', [19, -19]], 100, ['literal', [23, -23]], 1000, ['literal', [27, -27]]] },
      paint: icon,
    },
    { id: `${source}-rings`, type: 'circle', ...points, filter: alerted, paint: ring },
    { ...body, id: `${source}-alerted`, filter: alerted },
    { id: `${source}-marks`, type: 'symbol', ...points, filter: alerted, layout: MARK, paint: icon },
  ];
}
