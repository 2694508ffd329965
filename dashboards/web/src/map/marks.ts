// Shapes and fills of map layers, drawn once for the map and its legend.

/** What a hatch says. */
export const HATCHES = ['none', 'partial', 'hole'] as const;
export type Hatch = (typeof HATCHES)[number];

export const HATCH_COLOUR: Readonly<Record<Hatch, { dark: string; light: string }>> = {
  none: { dark: '#8fa2af', light: '#566974' },
  partial: { dark: '#f0c75e', light: '#7a5200' },
  hole: { dark: '#ff9a9a', light: '#b3141c' },
};

const svg = (box: number, pixels: number, inside: string): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${box} ${box}" width="${pixels}" height="${pixels}">${inside}</svg>`;

/** On 64 x 64, around a station's body of 40. */
const SHAPES: Readonly<Record<string, string>> = {
  circle: 'M32 3a29 29 0 1 0 .01 0z',
  ring: 'M32 3a29 29 0 1 0 .01 0z',
  square: 'M6 6h52v52h-52z',
  diamond: 'M32 0 64 32 32 64 0 32z',
  triangle: 'M32 -2 66 60 -2 60z',
  octagon: 'M20 2h24l18 18v24l-18 18h-24l-18-18v-24z',
};

/** A state's shape in its colour; a ring is hollow, and what is not known is dashed. */
export function shapeSvg(shape: string, colour: string, pixels: number): string {
  const path = SHAPES[shape] ?? SHAPES.circle;
  if (shape === 'dashed') return svg(64, pixels, `<path d="${path}" fill="none" stroke="${colour}" stroke-width="5" stroke-dasharray="10 8"/>`);
  const fill = shape === 'ring' ? 'none' : colour;
  const opacity = shape === 'ring' ? 1 : 0.85;
  return svg(64, pixels, `<path d="${path}" fill="${fill}" fill-opacity="${opacity}" stroke="${colour}" stroke-width="${shape === 'ring' ? 7 : 3}" stroke-linejoin="round"/>`);
}

/** One tile of a hatch that goes on at its edges; `none` is dotted, so that it is told apart without colour. */
export function hatchSvg(hatch: Hatch, theme: 'dark' | 'light', pixels: number): string {
  const colour = HATCH_COLOUR[hatch][theme];
  if (hatch === 'none') return svg(16, pixels, `<circle cx="4" cy="4" r="1.3" fill="${colour}"/><circle cx="12" cy="12" r="1.3" fill="${colour}"/>`);
  const lines = hatch === 'partial' ? 'M-2 2 2 -2M0 16 16 0M14 18 18 14' : 'M-2 14 2 18M0 0 16 16M14 -2 18 2';
  return svg(16, pixels, `<path d="${lines}" stroke="${colour}" stroke-width="2" fill="none"/>`);
}
