// Areas of a date: when they came into force, when they ended, and what took their place.
import { list, object, text, words } from '../../api/json';
import type { Words } from '../../states';

/** As src/model has them; districts ended on 30 June 2025. */
export const LEVELS = ['province', 'district', 'commune', 'forest_compartment', 'forest_subcompartment', 'forest_plot'] as const;
export type Level = (typeof LEVELS)[number];

export interface DatedArea {
  id: string;
  name: Partial<Words>;
  parent: string | null;
  /** Days; null: not known, or from the beginning. */
  from: string | null;
  /** The first day on which it was no more; null: it is in force. */
  to: string | null;
  successors: readonly string[];
  /** Drawn for a demonstration. */
  invented: boolean;
}

export function readDatedArea(value: unknown): DatedArea | null {
  const from = object(value);
  const id = text(from.id);
  if (id === null) return null;
  const said = object(from.properties);
  const successors = list(said.successors).map(text).filter((code) => code !== null);
  return { id, name: words(said.name), parent: text(said.parent), from: text(said.valid_from), to: text(said.valid_to), successors, invented: said.invented === true };
}

export function areasPath(level: Level, on: string): string {
  const query = new URLSearchParams({ level, limit: '500' });
  if (on !== '') query.set('on', on);
  return `/api/v1/areas?${query.toString()}`;
}
