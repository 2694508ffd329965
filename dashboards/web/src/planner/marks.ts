// How a value stands on the map: full where it carries, hatched where it is thin, an outline where it is hardly one, and
// struck through where nothing came. The legend draws the same.
import type { Firmness } from './firmness';

/** Around every mark, dark and pale: it stands on any ground and on paper. */
const EDGE = '#0a1116';
const HALO = '#f7fafb';
export const MARK_PX = 26;
export const TILE_PX = 8;

export type Marked = Exclude<Firmness, 'ahead'>;

/** A disc of a station, as SVG. */
export function markSvg(colour: string, kind: Marked, pixels: number): string {
  const disc = (fill: string, edge: string, dash = ''): string =>
    `<circle cx="13" cy="13" r="10.4" fill="none" stroke="${HALO}" stroke-width="4"/><circle cx="13" cy="13" r="9.6" fill="${fill}"/><circle cx="13" cy="13" r="9.6" fill="none" stroke="${edge}" stroke-width="1.8"${dash}/>`;
  const hatch = `<defs><pattern id="h" width="4.4" height="4.4" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><rect width="4.4" height="4.4" fill="${EDGE}"/><path d="M1.1 0V4.4" stroke="${colour}" stroke-width="2.2"/></pattern></defs>`;
  const body: Record<Marked, string> = {
    firm: disc(colour, EDGE),
    partial: disc(colour, EDGE, ' stroke-dasharray="3.4 2.6"'),
    thin: hatch + disc('url(#h)', EDGE),
    scant: disc(EDGE, colour, ' stroke-dasharray="2 2"') + `<path d="M10.4 10.4a2.7 2.7 0 1 1 3.9 2.4c-.9.5-1.3 1-1.3 2M13 17.6v.2" fill="none" stroke="${colour}" stroke-width="1.9" stroke-linecap="round"/>`,
    none: `<circle cx="13" cy="13" r="7.4" fill="${HALO}" stroke="${EDGE}" stroke-width="1.4"/><path d="M8 18L18 8" stroke="${EDGE}" stroke-width="1.6"/>`,
  };
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 26 26" width="${pixels}" height="${pixels}">${body[kind]}</svg>`;
}

/** What fills a commune whose value is thin, again and again, as SVG; `null` where a plain colour does. */
export function tileSvg(colour: string, kind: Marked, pixels: number): string | null {
  if (kind === 'firm' || kind === 'partial') return null;
  const width = kind === 'thin' ? 2.6 : 1;
  const stroke = kind === 'none' ? '#7f919b' : colour;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8" width="${pixels}" height="${pixels}"><path d="M-2 2L2-2M-2 10L10-2M6 10L10 6" stroke="${stroke}" stroke-width="${width}"/></svg>`;
}
