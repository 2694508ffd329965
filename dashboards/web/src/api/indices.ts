// What the values of computed indices mean.
import type { Words } from '../states';
import { finite, list, object, text, words } from './json';

export interface Step {
  /** Where it ends, this value included; null for the last. */
  to: number | null;
  title: Partial<Words>;
  /** As #rrggbb. */
  colour: string;
}

export interface Index {
  id: string;
  scale: readonly Step[];
  source: string | null;
  /** Whether its numbers were confirmed in their source. */
  confirmed: boolean;
}

const COLOUR = /^#[0-9a-f]{6}$/i;

function readStep(value: unknown): Step {
  const from = object(value);
  const colour = text(from.colour) ?? '';
  return { to: finite(from.to), title: words(from.title), colour: COLOUR.test(colour) ? colour : '#808080' };
}

export function readIndices(value: unknown): Index[] {
  return list(object(value).indices).map(object).flatMap((from) => {
    const id = text(from.id);
    return id === null ? [] : [{ id, scale: list(from.scale).map(readStep), source: text(from.source), confirmed: from.confirmed === true }];
  });
}

/** cbi's classes are said from their lower end on: 50 is in the step above. */
const ENDS_OPEN: readonly string[] = ['cbi'];

/** The step that a value is in; the last one also beyond its end. */
export function stepOf(index: Index | undefined, value: number | null): Step | null {
  if (!index || value === null || index.scale.length === 0) return null;
  const open = ENDS_OPEN.includes(index.id);
  return index.scale.find(({ to }) => to === null || (open ? value < to : value <= to)) ?? index.scale.at(-1) ?? null;
}
