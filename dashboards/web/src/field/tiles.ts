// Which tiles of the ground a phone keeps ahead, for when there is no network.

/** Fetched ahead at most: half of what the service worker keeps, so that what was looked at stays. */
export const AHEAD_MAX = 120;

/** Tiles around places, from far to near: those that a phone in the forest needs without a network. */
export function tilesAround(places: readonly (readonly [number, number])[], zooms: readonly number[], most: number): string[] {
  const found = new Set<string>();
  for (const zoom of zooms) {
    const width = 2 ** zoom;
    for (const [lon, lat] of places) {
      const sine = Math.sin((Math.max(-85, Math.min(85, lat)) * Math.PI) / 180);
      const x = Math.floor(((lon + 180) / 360) * width);
      const y = Math.floor((0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * width);
      for (const [across, down] of [[0, 0], [1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
        const [column, row] = [x + across, y + down];
        if (row < 0 || row >= width || column < 0 || column >= width) continue;
        if (found.size >= most) return [...found];
        found.add(`/tiles/areas/${zoom}/${column}/${row}`);
      }
    }
  }
  return [...found];
}
