// What an alert's newest value is: a rule about a sum of hours compares no single sample.
import type { Rule } from '../api/rules';
import type { Alert, Channel } from '../api/wire';
import { isUsable } from '../states';

/** Whether the rule compares the alert's own channel sample by sample. A rule that is not known may compare anything. */
export function comparesSamples(rule: Rule | undefined, property: string | null): boolean {
  if (!rule || rule.counts || property === null) return false;
  const about = rule.conditions.filter((condition) => condition.property === property);
  return about.length > 0 && about.every(({ of }) => of === null);
}

/** The channel whose newest sample is newer than the alert's value, and may stand in its place. */
export function newerSample(alert: Alert, rule: Rule | undefined, channels: readonly Channel[]): Channel | undefined {
  if (!comparesSamples(rule, alert.property)) return undefined;
  const channel = channels.find(({ property }) => property === alert.property);
  return channel && channel.unit === alert.unit && isUsable(channel.quality) && (channel.observedAt ?? 0) >= alert.changedAt ? channel : undefined;
}
