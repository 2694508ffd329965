// An alert whole: its time-line and who was told.
import { expect, test } from 'vitest';
import { readDetail } from './detail';

const at = '2026-11-22T10:00:00+07:00';
const from = {
  id: 'r~S~p~1', rule: 'r', title: { vi: 'Cháy', en: 'Fire' }, station: 'S', property: 'p', state: 'active', severity: 'high', started_at: at, changed_at: at, version: 3,
  handling: { acknowledged: true, acknowledged_by: [{ by: 'lan', at, severity: 'high' }], assigned_to: 'minh', shelved: { by: 'lan', reason: 'thay pin', at, until: at }, closed: null, quiet: true },
  timeline: [
    { at, state: 'active', severity: 'high', value: 0.9, cause: 'value' },
    { at, state: 'active', severity: 'high', value: null, cause: 'person', deed: { number: '7', what: 'commented', author: 'lan', text: '<b>đã gọi</b>' } },
    { at: 'soon', state: 'active', severity: 'high' },
  ],
  deliveries: [
    { key: 'k', recipient: 'lan', channel: 'push', kind: 'raised', state: 'failed', attempts: 3, error: 'gone', queued_at: '2026-11-22T09:00:00+07:00', failed_at: at },
    { recipient: 'nobody' },
  ],
};

test('what happened, what was done, and who was told', () => {
  const detail = readDetail(from);
  expect(detail?.alert.handling).toMatchObject({ acknowledged: true, acknowledgedBy: [{ by: 'lan' }], assignedTo: 'minh', shelved: { reason: 'thay pin', until: Date.parse(at) }, closed: null, quiet: true });
  expect(detail?.timeline.map(({ value, deed }) => [value, deed?.what, deed?.text])).toEqual([[0.9, undefined, undefined], [null, 'commented', '<b>đã gọi</b>']]);
  expect(detail?.deliveries).toMatchObject([{ recipient: 'lan', state: 'failed', attempts: 3, error: 'gone', at: Date.parse(at) }]);
});

test('what is no alert is none, and what an old server does not say is nothing', () => {
  expect(readDetail({})).toBeNull();
  const { handling: _, timeline: __, deliveries: ___, ...bare } = from;
  expect(readDetail(bare)).toMatchObject({ timeline: [], deliveries: [], alert: { handling: { acknowledged: false, quiet: false, shelved: null } } });
});
