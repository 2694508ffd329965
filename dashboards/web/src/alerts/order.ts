// Which alerts are open, in what order they are read, and how those of one incident fold.
import type { Incident } from '../api/incidents';
import type { Alert, Handling } from '../api/wire';
import { rank } from '../states';

/** Whether somebody may still have to act. */
export function isOpen(alert: Alert): boolean {
  return alert.state !== 'cleared';
}

/** From here on an alert is heard as well as seen. */
export function isCritical(alert: Alert): boolean {
  return rank(alert.severity) >= rank('very_high');
}

/** Those who said that they look after it, each once. */
export function acknowledgers(handling: Handling): string[] {
  return [...new Set(handling.acknowledgedBy.map(({ by }) => by))];
}

/** Who has to do something: 0 somebody, 1 nobody more, 2 nobody wants to be told. */
export function need(alert: Alert): 0 | 1 | 2 {
  if (alert.handling.quiet) return 2;
  return alert.handling.acknowledged ? 1 : 0;
}

/** What nobody looks after first, then most severe, then what has waited longest; the identifier keeps equals in place. */
export function byUrgency(a: Alert, b: Alert): number {
  return need(a) - need(b) || rank(b.severity) - rank(a.severity) || a.startedAt - b.startedAt || a.id.localeCompare(b.id);
}

/** Newest end first. */
export function byEnd(a: Alert, b: Alert): number {
  return (b.endedAt ?? b.changedAt) - (a.endedAt ?? a.changedAt) || a.id.localeCompare(b.id);
}

/** A line of the list: one alert, or an incident with several. */
export interface Row {
  /** The incident's or the alert's identifier. */
  key: string;
  /** Null for an alert that stands alone. */
  incident: { known: Incident | undefined } | null;
  /** The most urgent first; never empty. */
  alerts: readonly [Alert, ...Alert[]];
}

/** Open alerts as lines, each where its most urgent alert belongs. */
export function fold(alerts: readonly Alert[], incidents: ReadonlyMap<string, Incident>): Row[] {
  const rows = new Map<string, { incident: string | null; alerts: [Alert, ...Alert[]] }>();
  for (const alert of alerts.toSorted(byUrgency)) {
    const known = alert.incident === null ? undefined : rows.get(alert.incident);
    if (known) known.alerts.push(alert);
    else rows.set(alert.incident ?? alert.id, { incident: alert.incident, alerts: [alert] });
  }
  return [...rows.values()].map(({ incident, alerts: own }) =>
    incident === null || own.length === 1
      ? { key: own[0].id, incident: null, alerts: own }
      : { key: incident, incident: { known: incidents.get(incident) }, alerts: own },
  );
}
