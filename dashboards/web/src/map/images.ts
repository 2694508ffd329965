// The symbols as images of the map, drawn from the same SVG as the legend.
import type { Map as MapLibreMap } from 'maplibre-gl';
import { FRESHNESSES, KINDS, SEVERITIES, type Freshness, type Kind, type Severity, type Theme } from '../states';
import { bodySvg, manySvg, severitySvg } from '../symbols';

/** Drawn at twice the size, so that dense screens and the largest icons stay sharp. */
export const RATIO = 2;
const BODY_PX = 40;
const MARK_PX = 22;
const MANY_PX = 50;

export const bodyImage = (kind: Kind, freshness: Freshness): string => `body-${kind}-${freshness}`;
export const manyImage = (freshness: Freshness): string => `many-${freshness}`;
export const markImage = (severity: Severity): string => `mark-${severity}`;

/** A drawing as an image of so many pixels. */
export async function draw(svg: string, pixels: number): Promise<ImageData> {
  const image = new Image(pixels, pixels);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = pixels;
  canvas.height = pixels;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no 2d canvas');
  context.drawImage(image, 0, 0, pixels, pixels);
  return context.getImageData(0, 0, pixels, pixels);
}

/** Adds every symbol, or replaces it after a change of theme. */
export async function putImages(map: MapLibreMap, theme: Theme): Promise<void> {
  const wanted: Array<[string, string, number]> = [];
  for (const kind of KINDS) {
    for (const freshness of FRESHNESSES) {
      const pixels = BODY_PX * RATIO;
      wanted.push([bodyImage(kind, freshness), bodySvg(kind, freshness, theme, pixels), pixels]);
    }
  }
  for (const freshness of FRESHNESSES) {
    const pixels = MANY_PX * RATIO;
    wanted.push([manyImage(freshness), manySvg(freshness, theme, pixels), pixels]);
  }
  for (const severity of SEVERITIES) {
    const pixels = MARK_PX * RATIO;
    wanted.push([markImage(severity), severitySvg(severity, theme, pixels), pixels]);
  }
  const drawn = await Promise.all(
    wanted.map(async ([name, svg, pixels]) => [name, await draw(svg, pixels)] as const),
  );
  for (const [name, image] of drawn) {
    if (map.hasImage(name)) map.updateImage(name, image);
    else map.addImage(name, image, { pixelRatio: RATIO });
  }
}
