// What was changed of a station, as the server keeps it, and its undo.
import { getJson } from '../../api/client';
import { finite, instant, list, object, text } from '../../api/json';
import { deeds } from '../deeds.svelte';
import { part, send } from '../send';

export interface FieldChange {
  field: string;
  before: unknown;
  after: unknown;
}

export interface Change {
  id: number;
  station: string;
  at: number;
  author: string;
  act: string;
  revision: number;
  fields: readonly FieldChange[];
}

/** What a start read from the province's files is nobody's change. */
export const FILES = 'files';

export function readChanges(station: string, value: unknown): Change[] {
  return list(object(value).changes).map(object).flatMap((row) => {
    const [id, at] = [finite(row.id), instant(row.at)];
    if (id === null || at === null) return [];
    const fields = list(row.fields).map(object).map((change) => ({ field: text(change.field) ?? '', before: change.before ?? null, after: change.after ?? null }));
    return [{ id, station, at, author: text(row.author) ?? '', act: text(row.act) ?? '', revision: finite(row.revision) ?? 0, fields }];
  });
}

export async function changesOf(station: string, limit: number): Promise<Change[]> {
  return readChanges(station, await getJson(`/api/v1/stations/${part(station)}/changes?limit=${limit}`));
}

async function takeBack(station: string, change: number): Promise<void> {
  await send('POST', `/api/v1/stations/${part(station)}/changes/${change}/undo`);
}

/** The way back of what was changed a moment ago. */
export async function wayBack(station: string): Promise<(() => Promise<void>) | null> {
  const [newest] = await changesOf(station, 1).catch(() => []);
  return newest === undefined ? null : () => takeBack(station, newest.id);
}

/** Takes a change back and notes it as a deed, with the way back of that. */
export async function takeBackWithUndo(station: string, change: number, verb: 'stationBack' | 'stationReturned' = 'stationBack'): Promise<void> {
  await takeBack(station, change);
  deeds.done(verb, station, await wayBack(station));
}

/** A value of a field as people read it: short, in one line. */
export function shortly(value: unknown): string {
  if (value === null || value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
