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
  title: Partial<Words>;
  /** Ascending; empty for an amount. */
  scale: readonly Step[];
  source: string | null;
  /** Whether its numbers were confirmed in their source; otherwise they must be replaced before anybody acts on it. */
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
    return id === null ? [] : [{ id, title: words(from.title), scale: list(from.scale).map(readStep), source: text(from.source), confirmed: from.confirmed === true }];
  });
}

/** cbi's classes are said from their lower end on: 50 is in the step above. */
const ENDS_OPEN: readonly string[] = ['cbi'];

/** Whether the steps end before their ends, which are then in the steps above. */
export const isOpenEnded = (index: Index): boolean => ENDS_OPEN.includes(index.id);

/** The step that a value is in; the last one also beyond its end. */
export function stepOf(index: Index | undefined, value: number | null): Step | null {
  if (!index || value === null || index.scale.length === 0) return null;
  const open = isOpenEnded(index);
  return index.scale.find(({ to }) => to === null || (open ? value < to : value <= to)) ?? index.scale.at(-1) ?? null;
}
