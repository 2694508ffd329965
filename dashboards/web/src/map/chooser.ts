// Several stations under one click: how many of them are listed, and where their list has room.

/** More than this many do not help while the map can still be enlarged: that tells them apart. */
const LISTED_MAX = 8;
/** Zoom levels are fractions; so near to the largest one nothing comes apart any more. */
const NEARLY = 0.01;
/** Higher than this a list is scrolled, in pixels. */
const HEIGHT_MAX = 440;
/** Between the click and its list, and between the list and the edge, in pixels. */
const GAP = 14;

export const canEnlarge = (zoom: number, largest: number): boolean => zoom < largest - NEARLY;

/** How many of the stations are listed; the others are found by enlarging. Where that is not possible all are. */
export const listedOf = (count: number, isLarger: boolean): number => (isLarger ? Math.min(count, LISTED_MAX) : count);

/** Room taken by what lies over the map, in pixels. */
export interface Inset {
  top: number;
  bottom: number;
}

/** Below the click or above it, wherever there is more room, and no higher than that room. */
export function sideOf(y: number, height: number, { top, bottom }: Inset): { side: 'below' | 'above'; heightMax: number } {
  const [above, below] = [y - top, height - bottom - y].map((room) => room - 2 * GAP) as [number, number];
  const side = below >= Math.min(above, HEIGHT_MAX) ? 'below' : 'above';
  return { side, heightMax: Math.max(0, Math.min(HEIGHT_MAX, side === 'below' ? below : above)) };
}
