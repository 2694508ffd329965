// Values in steps of colour: round bounds, and viridis (Smith and van der Walt 2015) as the server's map layers have it,
// so that the colour-blind tell them apart and the brightest is the most.
import { niceScale, valueTicks } from './chart';

/** The server's, from src/layers/catalogue.rs: a test compares them. */
export const VIRIDIS = ['#46508b', '#3a6390', '#2f7890', '#23918c', '#22a884', '#44bf70', '#7ad151', '#bddf26', '#fde725'] as const;
const STEPS = 6;

export interface Step {
  /** From this value on, up to the next one; the last step has its end too. */
  from: number;
  to: number;
  colour: string;
}

/** Steps that hold all values; amounts begin at zero. */
export function stepsOf(values: readonly number[], isAmount: boolean): Step[] {
  if (values.length === 0) return [];
  const low = Math.min(...values, ...(isAmount ? [0] : []));
  const bounds = valueTicks(niceScale(low, Math.max(...values), STEPS));
  const count = bounds.length - 1;
  return bounds.slice(0, count).map((from, place) => ({
    from,
    to: bounds[place + 1] ?? from,
    colour: VIRIDIS[count === 1 ? 4 : Math.round((place * (VIRIDIS.length - 1)) / (count - 1))] ?? VIRIDIS[0],
  }));
}

/** The step that a value is in; the first or last one also beyond them. */
export function placeOf(steps: readonly Step[], value: number): number {
  const above = steps.findIndex(({ to }) => value < to);
  return above === -1 ? steps.length - 1 : above;
}
