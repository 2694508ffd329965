// Draws the states: one drawing for the map, the legend and the lists, so that they cannot disagree.
// Everything is an SVG string; states.ts has the shapes and colours.
import { FRESHNESS, KIND, SEVERITY, type Freshness, type Kind, type Severity, type Theme } from './states';

/** What lies under a hollow body, and the ink on a filled one. */
const PAPER: Readonly<Record<Theme, string>> = { dark: '#101a22', light: '#ffffff' };
const INK: Readonly<Record<Theme, string>> = { dark: '#06231b', light: '#ffffff' };

const svg = (box: number, pixels: number, inside: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${box} ${box}" width="${pixels}" height="${pixels}">${inside}</svg>`;

function glyph(kind: Kind, ink: string, weight: number): string {
  const { glyph: path, drop } = KIND[kind];
  const scale = kind === 'forest' || kind === 'rain' || kind === 'meter' ? 0.66 : 0.78;
  const at = 20 - 12 * scale;
  return `<path transform="translate(${at} ${at + drop}) scale(${scale})" d="${path}" fill="none" stroke="${ink}" stroke-width="${weight / scale}" stroke-linecap="round" stroke-linejoin="round"/>`;
}

function outline(kind: Kind, attributes: string): string {
  return `<path d="${KIND[kind].shape}" ${attributes}/>`;
}

/** The inside of a station's body on 40 x 40. */
function bodyInside(kind: Kind, freshness: Freshness, theme: Theme): string {
  const { body, colour } = FRESHNESS[freshness];
  const tone = colour[theme];
  const paper = PAPER[theme];
  // A rim in the map's own tone keeps neighbours apart where bodies overlap.
  const rim = outline(kind, `fill="none" stroke="${paper}" stroke-width="5" stroke-linejoin="round"`);
  switch (body) {
    case 'filled':
      return rim + outline(kind, `fill="${tone}"`) + glyph(kind, INK[theme], 2);
    case 'outlined':
      return rim + outline(kind, `fill="${paper}" stroke="${tone}" stroke-width="3.2" stroke-linejoin="round"`) + glyph(kind, tone, 2);
    case 'dashed':
      return (
        rim +
        outline(kind, `fill="${paper}" stroke="${tone}" stroke-width="2.6" stroke-dasharray="4.2 3.8"`) +
        glyph(kind, tone, 1.8)
      );
    case 'struck':
      return (
        rim +
        outline(kind, `fill="${paper}" stroke="${tone}" stroke-width="1.6" stroke-linejoin="round"`) +
        glyph(kind, tone, 1.4) +
        `<path d="M6.5 33.5 33.5 6.5" stroke="${paper}" stroke-width="7" stroke-linecap="round"/>` +
        `<path d="M6.5 33.5 33.5 6.5" stroke="${tone}" stroke-width="3.2" stroke-linecap="round"/>`
      );
    case 'hatched': {
      const pattern = `hatch-${theme}`;
      return (
        `<defs><pattern id="${pattern}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">` +
        `<path d="M1.5 0v6" stroke="${tone}" stroke-width="2.4"/></pattern></defs>` +
        rim +
        outline(kind, `fill="${paper}"`) +
        outline(kind, `fill="url(#${pattern})" stroke="${tone}" stroke-width="1.8" stroke-linejoin="round"`)
      );
    }
  }
}

/** A station's body. */
export function bodySvg(kind: Kind, freshness: Freshness, theme: Theme, pixels: number): string {
  return svg(40, pixels, bodyInside(kind, freshness, theme));
}

/** A freshness by itself, drawn on a plain disc-like body (the air station's) without a pictogram of a kind. */
export function freshnessSvg(freshness: Freshness, theme: Theme, pixels: number): string {
  return svg(40, pixels, bodyInside('air', freshness, theme).replace(/<path transform[^>]*\/>/, ''));
}

/** A disc with room for a number: several stations, drawn as the least fresh in service. */
export function manySvg(freshness: Freshness, theme: Theme, pixels: number): string {
  const { body, colour } = FRESHNESS[freshness];
  const [tone, paper] = [colour[theme], PAPER[theme]];
  const disc = (attributes: string): string => `<circle cx="25" cy="25" r="20" ${attributes}/>`;
  // A second rim tells a group from the round body of a kind.
  const rims = disc(`fill="none" stroke="${paper}" stroke-width="9"`) + `<circle cx="25" cy="25" r="23.4" fill="none" stroke="${tone}" stroke-width="1.4"/>`;
  const hollow = (rim: string): string => rims + disc(`fill="${paper}" ${rim}`);
  switch (body) {
    case 'filled':
      return svg(50, pixels, rims + disc(`fill="${tone}"`));
    case 'outlined':
      return svg(50, pixels, hollow(`stroke="${tone}" stroke-width="3.2"`));
    case 'dashed':
      return svg(50, pixels, hollow(`stroke="${tone}" stroke-width="2.8" stroke-dasharray="5 4"`));
    case 'struck':
      // The stroke leaves the number alone.
      return svg(50, pixels, hollow(`stroke="${tone}" stroke-width="1.6"`) + `<path d="M6 44 13.5 36.5M36.5 13.5 44 6" stroke="${paper}" stroke-width="7"/><path d="M5 45 14.5 35.5M35.5 14.5 45 5" stroke="${tone}" stroke-width="3.4" stroke-linecap="round"/>`);
    case 'hatched': {
      const pattern = `many-hatch-${theme}`;
      return svg(
        50,
        pixels,
        `<defs><pattern id="${pattern}" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M1.5 0v6" stroke="${tone}" stroke-width="2.4"/></pattern></defs>` +
          hollow('') +
          disc(`fill="url(#${pattern})" stroke="${tone}" stroke-width="1.8"`) +
          `<circle cx="25" cy="25" r="13.5" fill="${paper}"/>`,
      );
    }
  }
}

/** A kind by itself: its body as an outline in the text's own colour. */
export function kindSvg(kind: Kind, pixels: number): string {
  return svg(
    40,
    pixels,
    outline(kind, 'fill="none" stroke="currentColor" stroke-width="2.2" stroke-linejoin="round"') +
      glyph(kind, 'currentColor', 2),
  );
}

/** The mark of a severity. */
export function severitySvg(severity: Severity, theme: Theme, pixels: number): string {
  const { colour, ink, shape, sign } = SEVERITY[severity];
  const edge = theme === 'dark' ? PAPER.dark : '#2a2f33';
  const width = theme === 'dark' ? 1.6 : 1;
  return svg(
    24,
    pixels,
    `<path d="${shape}" fill="${colour[theme]}" stroke="${edge}" stroke-width="${width}" stroke-linejoin="round" paint-order="stroke"/>` +
      `<path d="${sign}" fill="none" stroke="${ink[theme]}" stroke-width="2.3" stroke-linecap="round"/>`,
  );
}
