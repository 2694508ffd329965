// Borders of polygons, each stretch once.
import type { Geometry, Position } from 'geojson';
import { expect, test } from 'vitest';
import { borders } from './borders';

const polygon = (...rings: Position[][]): Geometry => ({ type: 'Polygon', coordinates: rings });
const square = (x: number, y: number): Position[] => [[x, y], [x + 1, y], [x + 1, y + 1], [x, y + 1], [x, y]];

/** The stretches of lines, whichever way they run, in order. */
const stretches = (lines: Position[][]): string[] =>
  lines.flatMap((line) => line.slice(1).map((to, at) => [line[at]?.join(), to.join()].sort().join(' '))).sort();

test('what two share is between them, the rest around them, and each stretch is drawn once', () => {
  const { between, around } = borders([polygon(square(0, 0)), polygon(square(1, 0))]);
  expect(stretches(between.coordinates)).toEqual(['1,0 1,1']);
  expect(stretches(around.coordinates)).toEqual(['0,0 0,1', '0,0 1,0', '0,1 1,1', '1,0 2,0', '1,1 2,1', '2,0 2,1']);
});

test('what is around them is one line that closes, wherever rings begin', () => {
  const { between, around } = borders([polygon(square(0, 0)), polygon(square(1, 0)), polygon(square(0, 1))]);
  expect(around.coordinates).toHaveLength(1);
  expect(around.coordinates[0]?.[0]).toEqual(around.coordinates[0]?.at(-1));
  expect(between.coordinates.map((line) => line.length)).toEqual([3]);
});

test('where three meet one ends at the others', () => {
  const { between } = borders([polygon(square(0, 0)), polygon(square(1, 0)), polygon([[0, 1], [1, 1], [2, 1], [2, 2], [1, 3], [0, 2], [0, 1]])]);
  expect(between.coordinates.map((line) => line.length)).toEqual([3, 2]);
});

test('holes and parts have borders, and what fills a hole shares its border', () => {
  const hole: Position[] = [[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]];
  const outer: Position[] = [[0, 0], [3, 0], [3, 3], [0, 3], [0, 0]];
  const alone = borders([polygon(outer, hole)]);
  expect([alone.between.coordinates, stretches(alone.around.coordinates).length]).toEqual([[], 8]);
  const filled = borders([polygon(outer, hole), { type: 'MultiPolygon', coordinates: [[square(1, 1)], [square(7, 7)]] }]);
  expect([stretches(filled.between.coordinates).length, stretches(filled.around.coordinates).length]).toEqual([4, 8]);
});

test('neighbours with other points on their border have one each', () => {
  const { between, around } = borders([polygon(square(0, 0)), polygon([[1, 0], [2, 0], [2, 1], [1, 1], [1, 0.5], [1, 0]])]);
  expect(between.coordinates).toEqual([]);
  expect(stretches(around.coordinates)).toHaveLength(9);
});

test('nothing has no border', () => {
  for (const none of [[], [{ type: 'Point', coordinates: [1, 1] } as Geometry], [polygon([])], [polygon([[1, 1]])]]) {
    expect(borders(none)).toEqual({ between: { type: 'MultiLineString', coordinates: [] }, around: { type: 'MultiLineString', coordinates: [] } });
  }
});
