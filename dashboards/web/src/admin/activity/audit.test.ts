// The audit: what is asked, what is read, and what its records say in both languages.
import { expect, test } from 'vitest';
import { en } from '../words/en';
import { vi } from '../words/vi';
import { actorWords, actWords, auditPath, detailWords, GROUPS, readAuditPage, subjectLink } from './audit';

test('what is asked for has what was typed, without the blanks around it', () => {
  expect(auditPath({ actor: '', acts: '', subject: '' }, null)).toBe('/api/v1/audit?limit=50');
  expect(auditPath({ actor: ' lan ', acts: 'signed_in,signed_out', subject: 'AQ/1' }, '77')).toBe('/api/v1/audit?limit=50&actor=lan&act=signed_in%2Csigned_out&subject=AQ%2F1&next=77');
});

test('records are read without trusting their shape', () => {
  const said = { id: 7, at: '2026-11-23T01:00:00+07:00', actor: 'lan', act: 'registry_changed', name: { vi: 'Sửa', en: 'Changed' }, subject: 'AQ-01', detail: '', origin: null };
  const { records, next } = readAuditPage({ records: [said, { ...said, at: 'then' }, { id: 'x' }, null], next: '7' });
  expect(records).toEqual([{ ...said, at: Date.parse('2026-11-22T18:00:00Z') }]);
  expect([next, readAuditPage({ records: [], next: null }), readAuditPage(null)]).toEqual(['7', { records: [], next: null }, { records: [], next: null }]);
});

test.each([
  ['registry_changed', 'AQ 01', '#/stations/AQ%2001'],
  ['samples_corrected', 'AQ-01/pm2_5', '#/stations/AQ-01'],
  ['rules_changed', 'pm', '#/rules/pm'],
  ['person_changed', 'lan', '#/people/lan'],
  ['roster_changed', 'shift 3', '#/roster'],
  ['alert_closed', 'a/b', '/#/alert/a%2Fb'],
  ['person_removed', 'lan', null],
  ['signed_in', 'lan', null],
  ['constructor', 'lan', null],
  ['registry_changed', '', null],
])('%s of %j leads to %s', (act, subject, expected) => {
  expect(subjectLink({ act, subject })).toBe(expected);
});

test.each([
  ['registry_changed', 'retired', 'Retired', 'Ngừng'],
  ['registry_changed', 'constructor', 'constructor', 'constructor'],
  ['rules_changed', 'enabled as version 3: too many: really', 'armed, version 3: too many: really', 'bật, bản 3: too many: really'],
  ['rules_changed', 'created as version 1: ', 'created, version 1', 'tạo, bản 1'],
  ['maintenance_planned', 'from 2026-11-23T01:00:00Z to 2026-11-23T02:30:00Z: battery', 'from 23/11/2026 08:00 to 23/11/2026 09:30: battery', 'từ 23/11/2026 08:00 đến 23/11/2026 09:30: battery'],
  ['alert_assigned', 'to nobody: ', 'to nobody', 'cho không ai'],
  ['alert_assigned', 'to lan: now', 'to lan: now', 'cho lan: now'],
  ['alert_shelved', 'until 2026-11-23T01:00:00Z: smoke', 'until 23/11/2026 08:00: smoke', 'đến 23/11/2026 08:00: smoke'],
  ['alert_closed', 'false_alarm: ', 'False alarm', 'Báo nhầm'],
  ['alert_commented', 'to lan: hello', 'to lan: hello', 'to lan: hello'],
  ['access_refused', 'read_audit', 'read_audit', 'read_audit'],
])('%s, %j', (act, detail, english, vietnamese) => {
  expect([detailWords({ act, detail }, en, 'en'), detailWords({ act, detail }, vi, 'vi')]).toEqual([english, vietnamese]);
});

test('acts and actors that the page does not know are said as the server says them', () => {
  expect(actWords({ act: 'signed_in', name: {} }, vi, 'vi')).toBe('Đăng nhập');
  expect(actWords({ act: 'danced', name: { vi: 'Múa', en: 'Danced' } }, vi, 'vi')).toBe('Múa');
  expect([actWords({ act: 'danced', name: {} }, en, 'en'), actWords({ act: 'toString', name: {} }, en, 'en')]).toEqual(['danced', 'toString']);
  expect([actorWords('command line', en), actorWords('lan', en), actorWords('toString', en)]).toEqual(['command line on the server', 'lan', 'toString']);
});

test('every act that has words is in one group', () => {
  const grouped = Object.values(GROUPS).flat();
  expect([...grouped].sort()).toEqual(Object.keys(vi.audit.acts).sort());
});
