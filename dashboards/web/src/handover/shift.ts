// What one shift tells the next: of all alerts that are open or changed since, which belong where.
import { byEnd, byUrgency, isOpen, need } from '../alerts/order';
import type { Alert } from '../api/wire';

export interface Shift {
  /** Open, and nobody has acknowledged. */
  waiting: Alert[];
  /** Open since before it began. */
  openBefore: Alert[];
  raised: Alert[];
  cleared: Alert[];
  acknowledged: Array<{ alert: Alert; by: string; at: number }>;
  shelves: Alert[];
}

export function shiftOf(alerts: readonly Alert[], from: number): Shift {
  const open = alerts.filter(isOpen).sort(byUrgency);
  const begun = (a: Alert, b: Alert): number => b.startedAt - a.startedAt || a.id.localeCompare(b.id);
  return {
    waiting: open.filter((alert) => need(alert) === 0),
    openBefore: open.filter(({ startedAt }) => startedAt < from),
    raised: alerts.filter(({ startedAt }) => startedAt >= from).sort(begun),
    cleared: alerts.filter((alert) => !isOpen(alert) && (alert.endedAt ?? alert.changedAt) >= from).sort(byEnd),
    acknowledged: alerts
      .flatMap((alert) => alert.handling.acknowledgedBy.flatMap(({ by, at }) => (at !== null && at >= from ? [{ alert, by, at }] : [])))
      .sort((a, b) => b.at - a.at),
    shelves: open.filter(({ handling }) => handling.shelved !== null),
  };
}
