// Which of the rules speak about a channel, and which of their thresholds can be drawn over its values.
import type { Condition, Level, Of, Rule } from '../api/rules';
import type { Station } from '../api/wire';
import type { Severity } from '../states';
import { converted } from './units';

export interface Line {
  threshold: number;
  severity: Severity;
  side: Level['side'];
  rule: string;
}

/** What a rule says about a channel, in the channel's unit. */
export interface Saying {
  rule: Rule;
  of: Of | null;
  levels: readonly Level[];
  /** It is one of several conditions that go together. */
  joined: Rule['joined'];
}

/** Whether the rule watches the station. Areas are not asked: the page does not know which lies in which. */
export function watches(rule: Rule, station: Pick<Station, 'id' | 'kind' | 'area'>): boolean {
  return (
    rule.inForce &&
    (rule.kinds.length === 0 || rule.kinds.includes(station.kind)) &&
    (rule.stations.length === 0 || rule.stations.includes(station.id)) &&
    !rule.except.includes(station.id)
  );
}

function levelsIn(condition: Condition, unit: string): Level[] {
  return condition.levels.flatMap((level) => {
    const threshold = converted(level.threshold, condition.unit ?? unit, unit);
    if (threshold === null) return [];
    return [{ ...level, threshold, clear: level.clear === null ? null : converted(level.clear, condition.unit ?? unit, unit) }];
  });
}

/** Every rule's word about the channel; rules that count stations speak about areas and are left out. */
export function sayings(rules: readonly Rule[], station: Pick<Station, 'id' | 'kind' | 'area'>, property: string, unit: string): Saying[] {
  return rules
    .filter((rule) => !rule.counts && watches(rule, station))
    .flatMap((rule) =>
      rule.conditions
        .filter((condition) => condition.property === property)
        .map((condition) => ({ rule, of: condition.of, levels: condition.of?.fn === 'rate' ? condition.levels : levelsIn(condition, unit), joined: rule.joined })),
    );
}

/** What may be drawn over the samples: a sum of hours is no value of one sample, and a part of a rule alone raises nothing. */
export function lines(found: readonly Saying[]): Line[] {
  return found
    .filter(({ of, joined }) => of === null && joined === null)
    .flatMap(({ rule, levels }) => levels.map(({ threshold, severity, side }) => ({ threshold, severity, side, rule: rule.name })));
}

/** A line farther away than so many times the values' own height would press them flat. */
const REACH = 1.2;

/** The ends of the axis: the values, and the nearest line beyond them on either side if it is not too far. */
export function ends(low: number, high: number, drawn: readonly Line[], always: readonly number[]): [number, number] {
  const height = Math.max(high - low, Math.abs(high) * 0.05, 1e-9);
  const above = Math.min(...drawn.map(({ threshold }) => threshold).filter((threshold) => threshold > high));
  const below = Math.max(...drawn.map(({ threshold }) => threshold).filter((threshold) => threshold < low));
  const near = [above - high <= height * REACH ? above : high, low - below <= height * REACH ? below : low];
  return [Math.min(low, ...near, ...always), Math.max(high, ...near, ...always)];
}
