// How series are told apart: by colour, by the shape of their marks, and by name in the legend. Colours are tokens of
// planner.css, which has them for dark, light and paper.

/** Where a mark begins, from its middle, and how it goes on: all relative, so that it can be put anywhere. */
const MARKS: ReadonlyArray<readonly [x: number, y: number, rest: string]> = [
  [-4, 0, 'a4 4 0 1 0 8 0a4 4 0 1 0-8 0z'],
  [-3.6, -3.6, 'h7.2v7.2h-7.2z'],
  [0, -4.8, 'l4.6 8.2h-9.2z'],
  [0, -5, 'l5 5-5 5-5-5z'],
  [0, 4.8, 'l-4.6-8.2h9.2z'],
  [-1.6, -5, 'h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z'],
];

export const colourOf = (place: number): string => `var(--series-${(place % MARKS.length) + 1})`;

/** A series' mark at a place, as path data. */
export function markAt(place: number, x: number, y: number): string {
  const [dx, dy, rest] = MARKS[place % MARKS.length] ?? [0, 0, ''];
  return `M${(x + dx).toFixed(1)} ${(y + dy).toFixed(1)}${rest}`;
}
