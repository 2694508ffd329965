// The open incidents, as last heard.
import { ApiError, getJson } from '../api/client';
import { readIncident, readIncidents, type Incident } from '../api/incidents';

class Incidents {
  all = $state.raw<ReadonlyMap<string, Incident>>(new Map());

  async load(): Promise<void> {
    try {
      const read = readIncidents(await getJson('/api/v1/incidents?state=open&limit=1000'));
      this.all = new Map(read.map((incident) => [incident.id, incident]));
    } catch (error) {
      // Who may not see alerts sees no incidents either; the list of alerts says so.
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
    }
  }

  apply(body: unknown): void {
    const incident = readIncident(body);
    if (!incident) return;
    const known = this.all.get(incident.id);
    if (known && known.changedAt > incident.changedAt) return;
    const next = new Map(this.all);
    if (incident.state === 'open') next.set(incident.id, incident);
    else next.delete(incident.id);
    this.all = next;
  }

  forget(): void {
    this.all = new Map();
  }
}

export const incidents = new Incidents();
