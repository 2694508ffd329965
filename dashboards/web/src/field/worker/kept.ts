// What the service worker keeps, and for how long: the page itself, and tiles within a bound. Pure, for the tests.

/** Tiles kept on the phone: about 2 MB, the province down to a zoom where each valley shows. */
export const TILES_MAX = 240;
/** A boundary moves once in years: a tile is asked for again when it is older. */
export const TILE_FRESH_MS = 7 * 86_400_000;

export type Way = 'page' | 'kept' | 'tile' | 'network';

/** How a request of the page is answered. `shell` has the paths that belong to the page. */
export function way(method: string, mode: string, path: string, shell: ReadonlySet<string>): Way {
  if (method !== 'GET') return 'network';
  if (mode === 'navigate') return path === '/field' || path === '/ranger' ? 'page' : 'network';
  if (path.startsWith('/tiles/areas/')) return 'tile';
  // Named after its content, or part of the page: it never changes under its name.
  if (path.startsWith('/assets/') || path.startsWith('/geo/') || shell.has(path)) return 'kept';
  return 'network';
}

/** Which of the kept go when there are too many: those kept first. `all` is in the order of keeping. */
export const tooMany = <T>(all: readonly T[], most: number): T[] => all.slice(0, Math.max(0, all.length - most));
