// Who may do what is what src/auth/role.rs says.
import { expect, test } from 'vitest';
import { may, type Asker, type Right } from './rights';

const asker = (role: string, areas: string[] | null = null): Asker => ({ name: 'x', role, demo: false, areas });
const RIGHTS: readonly Right[] = ['stations', 'maintenance', 'unknown', 'adopt', 'rules', 'trial', 'people', 'roster', 'audit'];
const line = (of: Asker): string => RIGHTS.map((right) => (may(of, right) ? 'x' : '.')).join('');

test.each([
  ['administrator', null, 'xxxxxxxxx'],
  ['operator', null, '.xx..x.x.'],
  ['planner', null, '.....x...'],
  ['ranger', null, '.....x...'],
  ['somebody', null, '.........'],
  ['administrator', ['03388'], 'xx...x...'],
  ['operator', ['03388'], '.x...x...'],
])('%s of %j', (role, areas, expected) => {
  expect(line(asker(role, areas))).toBe(expected);
});
