// What is different between two texts, line by line, by the longest common part.
export interface DiffLine {
  kind: 'same' | 'gone' | 'new';
  text: string;
}

/** Beyond this a table of lengths is too large for a page; the texts are then shown whole. */
const CELLS_MAX = 4_000_000;

export function difference(before: string, after: string): DiffLine[] {
  const [a, b] = [before.split('\n'), after.split('\n')];
  const tell = (kind: DiffLine['kind'], lines: readonly string[]): DiffLine[] => lines.map((text) => ({ kind, text }));
  if (before === after) return tell('same', a);
  if (a.length * b.length > CELLS_MAX) return [...tell('gone', a), ...tell('new', b)];
  const width = b.length + 1;
  const common = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => common[i * width + j] ?? 0;
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      common[i * width + j] = a[i] === b[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
    }
  }
  const found: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) {
      found.push({ kind: 'same', text: a[i] ?? '' });
      i += 1;
      j += 1;
    } else if (at(i + 1, j) >= at(i, j + 1)) {
      found.push({ kind: 'gone', text: a[i] ?? '' });
      i += 1;
    } else {
      found.push({ kind: 'new', text: b[j] ?? '' });
      j += 1;
    }
  }
  return [...found, ...tell('gone', a.slice(i)), ...tell('new', b.slice(j))];
}
