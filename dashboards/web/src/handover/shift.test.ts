// What a shift hands over.
import { expect, test } from 'vitest';
import { alert, handling } from '../alerts/fixture';
import { shiftOf } from './shift';

const PARTS = ['waiting', 'openBefore', 'raised', 'cleared', 'shelves'] as const;
const shelved = { by: 'lan', reason: 'thay pin', at: 90, until: 500 };
const shift = shiftOf(
  [
    alert('old', { startedAt: 50, handling: handling({ acknowledged: true, acknowledgedBy: [{ by: 'lan', at: 60 }, { by: 'minh', at: 120 }] }) }),
    alert('new', { startedAt: 130 }),
    alert('over', { startedAt: 40, endedAt: 110, state: 'cleared' }),
    alert('long over', { startedAt: 10, endedAt: 20, state: 'cleared' }),
    alert('come and gone', { startedAt: 105, endedAt: 140, state: 'cleared' }),
    alert('shelved', { startedAt: 80, handling: handling({ quiet: true, shelved }) }),
  ],
  100,
);

test('each alert stands where the next shift looks for it', () => {
  const ids = {
    ...Object.fromEntries(PARTS.map((part) => [part, shift[part].map(({ id }) => id)])),
    acknowledged: shift.acknowledged.map(({ alert: { id }, by }) => `${id} by ${by}`),
  };
  expect(ids).toEqual({
    waiting: ['new'],
    openBefore: ['old', 'shelved'],
    raised: ['new', 'come and gone'],
    cleared: ['come and gone', 'over'],
    acknowledged: ['old by minh'],
    shelves: ['shelved'],
  });
});
