// Which alerts are open, and in what order they are read.
import type { Alert } from '../api/wire';
import { rank } from '../states';

/** Whether somebody may still have to act. */
export function isOpen(alert: Alert): boolean {
  return alert.state !== 'cleared';
}

/** Most severe first, then newest; the identifier keeps equals from changing places. */
export function byUrgency(a: Alert, b: Alert): number {
  return rank(b.severity) - rank(a.severity) || b.startedAt - a.startedAt || a.id.localeCompare(b.id);
}

/** Newest end first. */
export function byEnd(a: Alert, b: Alert): number {
  return (b.endedAt ?? b.changedAt) - (a.endedAt ?? a.changedAt) || a.id.localeCompare(b.id);
}
