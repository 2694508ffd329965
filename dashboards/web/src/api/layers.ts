// The catalogue of map layers: what they are called and what their colours mean.
import type { Words } from '../states';
import { instant, list, object, text, words } from './json';

export interface Mark {
  /** What it shows: severity, level, step. */
  property: string;
  /** As it stands in a tile. */
  value: string;
  title: Partial<Words>;
  /** As #rrggbb. */
  colour: string;
  shape: string;
}

export interface MapLayer {
  id: string;
  title: Partial<Words>;
  /** How its features are made; null where that is plain. */
  method: Partial<Words> | null;
  legend: readonly Mark[];
  /** The first moment that it can show. */
  from: number | null;
}

const COLOUR = /^#[0-9a-f]{6}$/i;

function readMark(value: unknown): Mark | null {
  const from = object(value);
  const [property, own, colour] = [text(from.property), text(from.value), text(from.colour)];
  if (property === null || own === null || colour === null || !COLOUR.test(colour)) return null;
  return { property, value: own, title: words(from.title), colour, shape: text(from.shape) ?? 'fill' };
}

export function readLayers(value: unknown): MapLayer[] {
  return list(object(value).layers).map(object).flatMap((from) => {
    const id = text(from.id);
    const legend = list(from.legend).map(readMark).filter((mark) => mark !== null);
    const method = from.method ? words(from.method) : null;
    return id === null ? [] : [{ id, title: words(from.title), method, legend, from: instant(object(from.time_range).from) }];
  });
}
