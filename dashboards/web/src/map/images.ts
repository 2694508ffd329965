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

/** A square drawing to be had under a name, as SVG, and its side in pixels. */
export type Drawing = readonly [name: string, svg: string, pixels: number];

/** Wide enough for a row of a dozen symbols. */
const SHEET_PX = 1024;

/** Drawings as images. Each picture that a browser decodes is a document of its own: all of them are drawn as one. */
async function drawAll(drawings: readonly Drawing[]): Promise<Array<readonly [name: string, image: ImageData]>> {
  if (drawings.length === 0) return [];
  let [x, y, height] = [0, 0, 0];
  const placed = drawings.map(([name, svg, pixels]) => {
    if (x + pixels > SHEET_PX) [x, y, height] = [0, y + height, 0];
    const at = { name, svg, pixels, x, y };
    x += pixels;
    height = Math.max(height, pixels);
    return at;
  });
  // What one drawing calls by a name is not another's of the same name.
  const cell = (svg: string, place: number): string => svg.replaceAll(/(\bid="|url\(#)/g, `$1${place}-`);
  const sheet = placed.map((one, place) => cell(one.svg, place).replace('<svg ', `<svg x="${one.x}" y="${one.y}" `)).join('');
  const [wide, high] = [SHEET_PX, y + height];
  const image = new Image(wide, high);
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" width="${wide}" height="${high}">${sheet}</svg>`)}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = wide;
  canvas.height = high;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no 2d canvas');
  context.drawImage(image, 0, 0, wide, high);
  return placed.map((one) => [one.name, context.getImageData(one.x, one.y, one.pixels, one.pixels)]);
}

/** Adds drawings to a map's images, or replaces those of their names. */
export async function putDrawings(map: MapLibreMap, drawings: readonly Drawing[]): Promise<void> {
  for (const [name, image] of await drawAll(drawings)) {
    if (map.hasImage(name)) map.updateImage(name, image);
    else map.addImage(name, image, { pixelRatio: RATIO });
  }
}

/** Adds every symbol, or replaces it after a change of theme. */
export async function putImages(map: MapLibreMap, theme: Theme): Promise<void> {
  const wanted: Drawing[] = [];
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
  await putDrawings(map, wanted);
}
