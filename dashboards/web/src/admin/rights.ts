// What the person who asks may do, as src/auth/role.rs has it: the page then says so instead of offering it. The server
// decides; a refusal of it is shown as well.
export interface Asker {
  name: string;
  role: string;
  demo: boolean;
  /** Codes of the areas that the account is confined to; null: everything. */
  areas: readonly string[] | null;
}

export type Right = 'stations' | 'maintenance' | 'unknown' | 'adopt' | 'rules' | 'trial' | 'people' | 'roster' | 'audit';

/** Rights that an account confined to areas does not have. */
const WHOLE: readonly Right[] = ['unknown', 'adopt', 'rules', 'people', 'roster', 'audit'];

const ROLES: Readonly<Record<string, readonly Right[]>> = {
  administrator: ['stations', 'maintenance', 'unknown', 'adopt', 'rules', 'trial', 'people', 'roster', 'audit'],
  operator: ['maintenance', 'unknown', 'trial', 'roster'],
  planner: ['trial'],
  ranger: ['trial'],
};

export function may(asker: Asker, right: Right): boolean {
  if (asker.areas !== null && WHOLE.includes(right)) return false;
  return ROLES[asker.role]?.includes(right) ?? false;
}
