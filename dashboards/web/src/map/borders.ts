// Borders as lines of their own. Drawn around its polygon each stretch of a border would be drawn twice, once for either
// side: without a graphics card that is most of what a ground costs.
import type { Geometry, MultiLineString, Position } from 'geojson';

const ringsOf = (geometry: Geometry): Position[][] =>
  geometry.type === 'Polygon' ? geometry.coordinates : geometry.type === 'MultiPolygon' ? geometry.coordinates.flat() : [];

/**
 * The borders of polygons, each stretch once: `between` two of them, and `around` them all, where one is alone. Those
 * share a stretch that have the same points there.
 */
export function borders(geometries: readonly Geometry[]): Readonly<Record<'between' | 'around', MultiLineString>> {
  const rings = geometries.flatMap(ringsOf);
  const numbers = new Map<string, number>();
  const numbered = rings.map((ring) =>
    ring.map((point) => {
      const name = point.join();
      const number = numbers.get(name) ?? numbers.size;
      numbers.set(name, number);
      return number;
    }),
  );
  const stretch = (ring: readonly number[], at: number): number => {
    const [from, to] = [ring[at] ?? 0, ring[at + 1] ?? 0];
    return Math.min(from, to) * numbers.size + Math.max(from, to);
  };
  const sides = new Map<number, number>();
  for (const ring of numbered) {
    for (let at = 0; at + 1 < ring.length; at += 1) sides.set(stretch(ring, at), (sides.get(stretch(ring, at)) ?? 0) + 1);
  }
  const lines: Record<'between' | 'around', Position[][]> = { between: [], around: [] };
  rings.forEach((ring, place) => {
    const numbersOfRing = numbered[place] ?? [];
    let last: 'between' | 'around' | null = null;
    for (let at = 0; at + 1 < ring.length; at += 1) {
      const key = stretch(numbersOfRing, at);
      const found = sides.get(key);
      const kind = found === undefined ? null : found === 1 ? 'around' : 'between';
      if (kind !== null) {
        const [from, to] = ring.slice(at, at + 2) as [Position, Position];
        if (kind === last) lines[kind].at(-1)?.push(to);
        else lines[kind].push([from, to]);
        // Drawn from one side.
        sides.delete(key);
      }
      last = kind;
    }
  });
  const of = (coordinates: Position[][]): MultiLineString => ({ type: 'MultiLineString', coordinates });
  return { between: of(lines.between), around: of(lines.around) };
}
