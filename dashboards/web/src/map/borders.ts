// Borders as lines of their own. Drawn around its polygon each stretch of a border would be drawn twice, once for either
// side: without a graphics card that is most of what a ground costs.
import type { Geometry, MultiLineString, Position } from 'geojson';

type Kind = 'between' | 'around';

const ringsOf = (geometry: Geometry): Position[][] =>
  geometry.type === 'Polygon' ? geometry.coordinates : geometry.type === 'MultiPolygon' ? geometry.coordinates.flat() : [];

/** Lines of points' numbers put together where the ends of two of them meet, and of no third. */
function joined(lines: readonly number[][]): number[][] {
  const ends = new Map<number, number[][]>();
  for (const line of lines) {
    for (const end of [line[0], line.at(-1)]) if (end !== undefined) ends.set(end, [...(ends.get(end) ?? []), line]);
  }
  const left = new Set(lines);
  const next = (line: readonly number[]): number[] | undefined => {
    const there = ends.get(line.at(-1) ?? -1) ?? [];
    return there.length === 2 ? there.find((one) => left.has(one)) : undefined;
  };
  return lines.flatMap((first) => {
    if (!left.delete(first)) return [];
    let line = first;
    // Onwards from its end, then from its beginning.
    for (let way = 0; way < 2; way += 1) {
      for (let more = next(line); more; more = next(line)) {
        left.delete(more);
        const onwards = more[0] === line.at(-1) ? more : more.toReversed();
        line = [...line, ...onwards.slice(1)];
      }
      line = line.toReversed();
    }
    return [line];
  });
}

/**
 * The borders of polygons, each stretch once: `between` two of them, and `around` them all, where one is alone. Those
 * share a stretch that have the same points there.
 */
export function borders(geometries: readonly Geometry[]): Readonly<Record<Kind, MultiLineString>> {
  const points: Position[] = [];
  const numbers = new Map<string, number>();
  const rings = geometries.flatMap(ringsOf).map((ring) =>
    ring.map((point) => {
      const name = point.join();
      const number = numbers.get(name) ?? points.push(point) - 1;
      numbers.set(name, number);
      return number;
    }),
  );
  const stretch = (from: number, to: number): number => Math.min(from, to) * points.length + Math.max(from, to);
  const sides = new Map<number, number>();
  for (const ring of rings) {
    for (let at = 1; at < ring.length; at += 1) {
      const key = stretch(ring[at - 1] ?? 0, ring[at] ?? 0);
      sides.set(key, (sides.get(key) ?? 0) + 1);
    }
  }
  const lines: Record<Kind, number[][]> = { between: [], around: [] };
  for (const ring of rings) {
    let last: Kind | null = null;
    for (let at = 1; at < ring.length; at += 1) {
      const [from, to] = [ring[at - 1] ?? 0, ring[at] ?? 0];
      const key = stretch(from, to);
      const count = sides.get(key);
      const kind: Kind | null = count === undefined ? null : count === 1 ? 'around' : 'between';
      if (kind !== null) {
        if (kind === last) lines[kind].at(-1)?.push(to);
        else lines[kind].push([from, to]);
        // Drawn from one side.
        sides.delete(key);
      }
      last = kind;
    }
  }
  const of = (kind: Kind): MultiLineString => ({ type: 'MultiLineString', coordinates: joined(lines[kind]).map((line) => line.map((number) => points[number] ?? [])) });
  return { between: of('between'), around: of('around') };
}
