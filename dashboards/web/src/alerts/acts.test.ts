// What may be done about an alert, and how it is asked.
import { expect, test } from 'vitest';
import { fromInput, toInput } from '../words/time';
import { body, closeCauses, faults, freshKey, NOTHING, offered, versioned } from './acts';
import { alert, handling } from './fixture';

const NOW = Date.parse('2026-11-22T03:00:00Z');

test('what fits how an alert stands', () => {
  expect(offered(alert('a'), 'lan')).toEqual(['acknowledge', 'assign', 'comment', 'shelve', 'close']);
  const shelved = { by: 'lan', reason: 'x', at: null, until: null };
  const taken = alert('a', { handling: handling({ acknowledged: true, acknowledgedBy: [{ by: 'lan', at: null }], shelved }) });
  expect(offered(taken, 'lan')).toEqual(['assign', 'comment', 'unshelve', 'unacknowledge', 'close']);
  expect(offered(taken, 'minh')).toEqual(['assign', 'comment', 'unshelve', 'close']);
  expect(offered(alert('a', { state: 'cleared' }), 'lan')).toEqual(['comment']);
});

test('an alert whose condition holds is not over because somebody says so', () => {
  expect(closeCauses(alert('a'))).toEqual(['false_alarm', 'test', 'duplicate']);
  expect(closeCauses(alert('a', { state: 'latched' }))).toContain('resolved');
});

test('end and reason of a shelf are compulsory, and the end lies ahead', () => {
  expect(faults('shelve', NOTHING, NOW)).toEqual([{ field: 'until', why: 'needed' }, { field: 'reason', why: 'needed' }]);
  expect(faults('shelve', { ...NOTHING, reason: ' ', until: '2026-11-22T09:59' }, NOW)).toEqual([{ field: 'until', why: 'past' }, { field: 'reason', why: 'needed' }]);
  expect(faults('shelve', { ...NOTHING, reason: 'thay pin', until: '2026-11-22T10:01' }, NOW)).toEqual([]);
  expect(body('shelve', { ...NOTHING, reason: 'thay pin ', until: '2026-11-22T10:01' })).toEqual({ until: '2026-11-22T03:01:00.000Z', reason: 'thay pin' });
});

test('other words are compulsory where the server wants them', () => {
  expect(faults('comment', { ...NOTHING, text: '  ' }, NOW)).toHaveLength(1);
  expect(faults('close', { ...NOTHING, cause: 'other' }, NOW)).toEqual([{ field: 'note', why: 'needed' }]);
  expect(faults('close', { ...NOTHING, cause: 'test' }, NOW)).toEqual([]);
  expect(faults('acknowledge', NOTHING, NOW)).toEqual([]);
});

test('bodies', () => {
  expect(body('acknowledge', NOTHING)).toEqual({});
  expect(body('assign', { ...NOTHING, to: ' ' })).toEqual({ to: null });
  expect(body('assign', { ...NOTHING, to: 'lan', note: 'xem camera' })).toEqual({ to: 'lan', note: 'xem camera' });
  expect(body('close', { ...NOTHING, cause: 'test' })).toEqual({ cause: 'test' });
});

test('who only adds a word cannot be too late', () => {
  expect(versioned('comment')).toBe(false);
  expect(versioned('acknowledge')).toBe(false);
  expect(versioned('close')).toBe(true);
});

test('keys differ', () => {
  expect(freshKey()).toMatch(/^[0-9a-f]{32}$/);
  expect(freshKey()).not.toBe(freshKey());
});

test('inputs speak Viet Nam’s time', () => {
  expect(toInput(NOW)).toBe('2026-11-22T10:00');
  expect(fromInput('2026-11-22T10:00')).toBe(NOW);
  expect(fromInput('')).toBeNull();
});
