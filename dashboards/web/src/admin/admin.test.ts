// Addresses, refusals, bodies, and the logic of stations, devices, people and the roster.
import { expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { emptySubscription, personBody, readPerson, draftOf as personDraft } from './people/people';
import { fieldErrors, mistakesOf } from './problems';
import { mondayOf, pieces, type Shift } from './roster/week';
import { readRoute, writeRoute } from './route';
import { readChanges, shortly, type Change } from './stations/changes';
import { canReturn, newestFirst, readRetired, retirement } from './stations/retired';
import { channelPath, draftOf, emptyDraft, numeral, patchBody, readDefinition, readPlaces, stationBody } from './stations/draft';
import { kindOf, laidOut, placeIn, prefilled, readDeviceFile } from './unknown/devices';
import { areasPath, readDatedArea } from './areas/dated';
import { ruleEntries, sorted, stationEntries } from './activity/activity';

const refusal = (problem: Record<string, unknown>): ApiError => new ApiError(422, String(problem.code), String(problem.detail ?? ''), null, problem);

test('the address leads to a section and what is open in it', () => {
  for (const route of [{ section: 'unknown', subject: 'edge/AQ 99' }, { section: 'rules', subject: '' }] as const) expect(readRoute(writeRoute(route))).toEqual(route);
  expect(readRoute('#/nowhere/x')).toEqual({ section: 'stations', subject: 'x' });
  expect(readRoute('#/rules/%E0')).toEqual({ section: 'rules', subject: '' });
});

test('a refusal is said at its fields', () => {
  const many = fieldErrors(refusal({ code: 'invalid_definition', errors: [{ field: 'name.en', message: 'is missing' }, { field: 'channels.co.unit', message: 'no' }] }));
  expect([...many]).toEqual([['name.en', 'is missing'], ['channels.co.unit', 'no']]);
  const one = fieldErrors(refusal({ code: 'invalid_body', detail: 'to: must be after from' }));
  expect([...one]).toEqual([['to', 'must be after from']]);
  expect(fieldErrors(refusal({ code: 'conflict', detail: 'to: no field' })).size).toBe(0);
});

test('mistakes of a change and of a trial have their lines and keys', () => {
  const changed = mistakesOf(refusal({ code: 'invalid_rules', mistakes: [{ file: 'api/x', line: 9, key: 'rule[0].abovee', message: 'unknown key' }] }));
  const tried = mistakesOf(refusal({ code: 'invalid_definition', errors: [{ field: 'rule: rule[0].abovee', message: 'line 9: unknown key' }] }));
  expect(changed).toEqual([{ text: 'rule', line: 9, key: 'rule[0].abovee', message: 'unknown key' }]);
  expect(tried).toEqual(changed);
  const test = mistakesOf(refusal({ code: 'invalid_definition', errors: [{ field: 'test: test[0].expect', message: 'line 5: "activ" must be' }, { field: 'rule', message: 'line 1: open' }] }));
  expect(test.map(({ text, line, key }) => [text, line, key])).toEqual([['test', 5, 'test[0].expect'], ['rule', 1, '']]);
  expect(mistakesOf(refusal({ code: 'invalid_definition', errors: [{ field: 'kind', message: 'is missing' }] }))).toEqual([]);
});

test('numbers are read as people type them, and what is none goes on as it is', () => {
  expect([numeral(' 22,4 '), numeral('103.2'), numeral(''), numeral('north')]).toEqual([22.4, 103.2, undefined, 'north']);
});

const SAID = {
  id: 'T-1', kind: 'air', name: { vi: '<b>Thử</b>', en: 'Try' }, lon: 103.2, lat: 22.4, area: '03508', maintenance: false, retired: false, declared_by: 'api', revision: 3,
  channels: [{ property: 'pm2_5', unit: 'ug/m3', interval: '5m', min: 0, max: 1500, link: 'cellular', retired: false }, { property: 'co', unit: 'ug/m3', interval: '5m', min: 0, max: 9, link: 'wired', retired: true }],
};

test('a station is changed by what is different', () => {
  const definition = readDefinition(SAID);
  if (definition === null) throw new Error('not read');
  const before = draftOf(definition);
  expect(before.channels.map(({ property }) => property)).toEqual(['pm2_5']);
  expect(patchBody(before, before)).toEqual({});
  expect(patchBody(before, { ...before, en: ' New ' })).toEqual({ name: { vi: '<b>Thử</b>', en: 'New' } });
  const [channel] = before.channels;
  expect(patchBody(before, { ...before, channels: [{ ...channel!, max: '900', min: '' }] })).toEqual({ channels: [{ property: 'pm2_5', unit: 'ug/m3', interval: '5m', max: 900, link: 'cellular' }] });
  expect(channelPath(channel!, 0, 'unit')).toBe('channels.pm2_5.unit');
});

test('what is left open is not sent', () => {
  expect(stationBody({ ...emptyDraft(), id: 'A', kind: 'air', lat: '22' })).toEqual({ id: 'A', kind: 'air', name: { vi: '', en: '' }, lat: 22, channels: [{ property: '' }] });
});

test('places and changes keep their order and dates', () => {
  const places = readPlaces({ positions: [{ valid_from: null, valid_to: '2026-11-23T01:00:00+07:00', lon: 1, lat: 2, area: null }, { lon: 1 }] });
  expect(places).toEqual([{ lat: 2, lon: 1, area: null, from: null, to: Date.parse('2026-11-22T18:00:00Z') }]);
  const changes = readChanges('T-1', { changes: [{ id: 2, at: '2026-11-23T01:00:00Z', author: 'boss', act: 'moved', fields: [{ field: 'lat', before: 1, after: null }] }, { id: 1, at: '2026-11-22T01:00:00Z', author: 'files', act: 'created', fields: [] }] });
  expect(changes[0]?.fields.map(({ before, after }) => `${shortly(before)} ${shortly(after)}`)).toEqual(['1 –']);
  const versions = [{ name: 'r', title: {}, origin: 'api', file: null, version: 1, enabled: true, inForce: true, author: 'b', at: Date.parse('2026-11-24T01:00:00Z'), act: 'created', reason: '', toml: '', warnings: [] }];
  expect(sorted([...stationEntries(changes), ...ruleEntries(versions)]).map(({ subject, isNewest }) => [subject, isNewest])).toEqual([['r', true], ['T-1', true]]);
});

test('what took a station out of service is its newest change, if that did', () => {
  const change = (author: string, field: string, after: unknown): Change => ({ id: 1, station: 'T-1', at: 0, author, act: 'retired', revision: 2, fields: [{ field: 'name', before: 'a', after: 'b' }, { field, before: null, after }] });
  const [byHand, byFiles, other, back] = [change('boss', 'retired', true), change('files', 'retired', true), change('boss', 'lat', true), change('boss', 'retired', false)];
  expect([retirement([byHand, back]), retirement([back, byHand]), retirement([other]), retirement([])]).toEqual([byHand, null, null, null]);
  expect([canReturn(byHand), canReturn(byFiles)]).toEqual([true, false]);
});

test('stations out of service are read without trusting them, who went last first', () => {
  const said = { id: 'T-1', kind: 'air', name: { vi: 'Một', en: 'One' }, lon: 103, lat: 22, area: null, retired_at: '2026-11-22T18:00:00Z' };
  expect(readRetired({ ...said, kind: 'boat' })).toEqual({ id: 'T-1', kind: null, name: { vi: 'Một', en: 'One' }, lon: 103, lat: 22, area: null, at: Date.parse('2026-11-22T18:00:00Z') });
  expect([readRetired({ ...said, lat: '22' }), readRetired(null)]).toEqual([null, null]);
  const rows = [said, { ...said, id: 'T-0', retired_at: null }, { ...said, id: 'T-2', retired_at: '2026-11-23T18:00:00Z' }].map(readRetired).filter((row) => row !== null);
  expect(newestFirst(rows).map(({ id }) => id)).toEqual(['T-2', 'T-1', 'T-0']);
});

test('an adoption is prefilled from what the device sends', () => {
  const file = readDeviceFile({
    source: 'edge', device: 'N-7', registered: false, first_seen: '2026-11-23T01:00:00Z', last_seen: '2026-11-23T01:00:00Z', messages: 1, readings: 2, other_readings: 0,
    properties: [{ property: 'gas', readings: 1, unit: 'mg/m3', known: false }, { property: 'pm2_5', readings: 1, unit: null, known: true }],
    message: { topic: 't', text: '{"object":{"gps":{"latitude":22.5,"longitude":103.1}}}', base64: '' },
    proposal: [{ property: 'pm2_5', unit: 'ug/m3' }],
  });
  if (file === null) throw new Error('not read');
  const draft = prefilled(file);
  expect([draft.id, draft.kind, draft.lat, draft.lon]).toEqual(['N-7', 'air', '22.5', '103.1']);
  expect(draft.channels.map(({ property, unit }) => `${property} ${unit}`)).toEqual(['pm2_5 ug/m3', 'gas mg/m3']);
  expect(kindOf(['battery_voltage'])).toBe('');
  expect(placeIn({ topic: '', text: 'no JSON', base64: '' })).toBeNull();
  expect(laidOut('{"a":1}')).toBe('{\n  "a": 1\n}');
  expect(laidOut('<img>')).toBe('<img>');
});

test('what no control shows of a wish is kept', () => {
  const said = { id: 'lan', name: 'Lan', account: null, revision: 4, contacts: [{ channel: 'sms', address: '+84' }], subscriptions: [{ areas: ['03388'], kinds: ['rain'], causes: ['fire'], least_severity: 'high', channels: [], languages: ['vi', 'en'], quiet: [{ from: '22:00', to: '06:00' }] }] };
  const person = readPerson(said);
  if (person === null) throw new Error('not read');
  const { revision, ...rest } = said;
  expect(personBody(personDraft(person))).toEqual(rest);
  expect(personBody(personDraft(person), person.revision).revision).toBe(revision);
  expect(personBody({ id: 'a', name: 'A', account: '', contacts: [{ channel: ' ', address: '' }], subscriptions: [emptySubscription()] }).contacts).toEqual([]);
});

test("the week begins on Monday by Viet Nam's clock", () => {
  const monday = Date.parse('2026-11-23T00:00:00+07:00');
  for (const at of ['2026-11-23T00:00:00+07:00', '2026-11-25T12:00:00+07:00', '2026-11-29T23:59:59+07:00']) expect(mondayOf(Date.parse(at))).toBe(monday);
  expect(mondayOf(monday - 1)).toBe(monday - 7 * 86_400_000);
});

test('shifts that overlap stand in lanes, and those that go on beyond the week are cut', () => {
  const monday = mondayOf(Date.parse('2026-11-23T00:00:00+07:00'));
  const shift = (id: string, from: number, to: number, role = 'forest'): Shift => ({ id, role, person: id, area: null, note: '', from: monday + from * 3_600_000, to: monday + to * 3_600_000 });
  const [[role, found, lanes], other] = pieces([shift('b', 6, 14), shift('a', -4, 8), shift('c', 14, 200), shift('d', 0, 5, 'air'), shift('gone', -30, 0)], monday).reverse() as [[string, ReturnType<typeof pieces>[0][1], number], unknown];
  expect([role, lanes, found.map(({ shift: { id }, lane }) => id + lane)]).toEqual(['forest', 2, ['a0', 'b1', 'c0']]);
  expect(found.map(({ isCutBefore, isCutAfter, begin, end }) => [isCutBefore, isCutAfter, begin, end])).toEqual([[true, false, 0, 8 / 24], [false, false, 6 / 24, 14 / 24], [false, true, 14 / 24, 7]]);
  expect(other).toBeDefined();
});

test('areas of a date are asked for by level, and say from when to when they hold', () => {
  expect(areasPath('commune', '')).toBe('/api/v1/areas?level=commune&limit=500');
  expect(areasPath('district', '2025-06-30')).toBe('/api/v1/areas?level=district&limit=500&on=2025-06-30');
  const area = readDatedArea({ type: 'Feature', id: '105', properties: { name: { vi: 'Thành phố' }, parent: '12', valid_from: null, valid_to: '2025-07-01', successors: ['03388', 7], invented: true } });
  expect(area).toEqual({ id: '105', name: { vi: 'Thành phố' }, parent: '12', from: null, to: '2025-07-01', successors: ['03388'], invented: true });
  expect(readDatedArea({ properties: {} })).toBeNull();
});
