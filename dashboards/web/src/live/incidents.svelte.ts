// The open incidents, as last heard; those of the past moment while one is shown.
import { ApiError, getJson } from '../api/client';
import { readIncident, readIncidents, type Incident } from '../api/incidents';
import { shown } from './shown.svelte';

class Incidents {
  #present = $state.raw<ReadonlyMap<string, Incident>>(new Map());

  get all(): ReadonlyMap<string, Incident> {
    return shown.frame?.incidents ?? this.#present;
  }

  async load(): Promise<void> {
    try {
      const read = readIncidents(await getJson('/api/v1/incidents?state=open&limit=1000'));
      this.#present = new Map(read.map((incident) => [incident.id, incident]));
    } catch (error) {
      // Who may not see alerts sees no incidents either; the list of alerts says so.
      if (!(error instanceof ApiError) || error.status !== 403) throw error;
    }
  }

  apply(body: unknown): void {
    const incident = readIncident(body);
    if (!incident) return;
    const known = this.#present.get(incident.id);
    if (known && known.changedAt > incident.changedAt) return;
    const next = new Map(this.#present);
    if (incident.state === 'open') next.set(incident.id, incident);
    else next.delete(incident.id);
    this.#present = next;
  }

  forget(): void {
    this.#present = new Map();
  }
}

export const incidents = new Incidents();
