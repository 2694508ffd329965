// Rules' texts, their differences, and what a backtest is drawn from.
import { expect, test } from 'vitest';
import { candidates } from './candidates';
import { difference } from './diff';
import { readRuleDocument, stateOf } from './documents';
import { firstTest, freeName, isArmed, nameIn, NEW_RULE, renamed, ruleIn, switched } from './ruleText';
import { readToml } from './toml';
import { monthBars, readReport, readTests, slices } from './trial';

const FILES = import.meta.glob<string>('../../../../../config/rules/*.toml', { query: '?raw', import: 'default', eager: true });

test('every shipped file of rules is read, with as many rules as it has', () => {
  expect(Object.keys(FILES).length).toBeGreaterThan(5);
  for (const [name, text] of Object.entries(FILES)) {
    const rules = readToml(text)?.rule;
    expect(Array.isArray(rules) ? rules.length : rules, name).toBe(text.match(/^\[\[rule\]\]/gm)?.length);
  }
});

test.each([
  ['a = 1_000 # one\nb = "x \\"y\\" #"\nc = [1,\n 2, # two\n]\n[d.e]\nf = { g = true, "h i" = -0.5 }\n', { a: 1000, b: 'x "y" #', c: [1, 2], d: { e: { f: { g: true, 'h i': -0.5 } } } }],
  ['[[r]]\nn = 1\n[[r.l]]\na = 2\n[[r.l]]\na = 3\n[r.t]\nv = \'C:\\x\'\n[[r]]\nn.m = 4\n', { r: [{ n: 1, l: [{ a: 2 }, { a: 3 }], t: { v: 'C:\\x' } }, { n: { m: 4 } }] }],
  ['a = [1\n', null],
  ['a = "open\n', null],
  ['= 1', null],
])('a text of TOML %#', (text, expected) => {
  expect(readToml(text)).toEqual(expected);
});

test('a rule is switched in place, so that lines stay', () => {
  expect(isArmed(NEW_RULE)).toBe(false);
  const armed = switched(NEW_RULE, 'armed');
  expect(isArmed(armed)).toBe(true);
  expect(armed.split('\n').length).toBe(NEW_RULE.split('\n').length);
  expect(switched(armed, 'disarmed')).toBe(NEW_RULE);
  expect(switched('[[rule]]\nname = "x"\n[rule.title]\nenabled = 1\n', 'disarmed')).toBe('[[rule]]\nenabled = false\nname = "x"\n[rule.title]\nenabled = 1\n');
  expect(switched('name = 1', 'armed')).toBe('name = 1');
});

test('a copy has a name of its own', () => {
  expect(freeName('a', new Set(['a', 'a-2']))).toBe('a-3');
  expect(freeName('x'.repeat(40), new Set())).toHaveLength(40);
  expect(nameIn(renamed(NEW_RULE, 'other'))).toBe('other');
});

test('a text says its thresholds before the server has it', () => {
  const rule = ruleIn(NEW_RULE);
  expect(rule?.conditions[0]?.levels.map(({ severity, threshold, clear }) => [severity, threshold, clear])).toEqual([['low', 50, 45], ['medium', 80, 72]]);
  expect(rule?.inForce).toBe(true);
  expect(ruleIn('[[rule]]\nname = "x\n')).toBeNull();
  expect(firstTest(NEW_RULE)).toContain('series = { pm2_5 = "35x3 60x6 35x8" }');
});

test('what is different between two versions', () => {
  const signs = (before: string, after: string): string => difference(before, after).map(({ kind, text }) => `${{ same: ' ', gone: '-', new: '+' }[kind]}${text}`).join('|');
  expect(signs('a\nb\nc', 'a\nx\nc')).toBe(' a|-b|+x| c');
  expect(signs('', 'a')).toBe('-|+a');
  expect(signs('a', 'a')).toBe(' a');
  expect(signs('a\nb', 'b\nc')).toBe('-a| b|+c');
});

test('the state of a rule', () => {
  const rule = (part: object) => readRuleDocument({ name: 'x', origin: 'api', toml: 'x', enabled: true, in_force: true, ...part });
  expect([{}, { enabled: false }, { in_force: false }, { toml: null, enabled: false }].map((part) => stateOf(rule(part)!))).toEqual(['armed', 'disarmed', 'refused', 'removed']);
});

const DAY = 86_400_000;

test('a short stretch is asked in slices of whole days, a long one is drawn by months', () => {
  const to = Date.parse('2026-11-23T01:00:00+07:00');
  expect(slices(to - 7 * DAY, to)).toHaveLength(7);
  expect(slices(to - 30 * DAY, to)).toHaveLength(10);
  expect(slices(to - 14 * DAY, to).every(([from, end]) => end - from === 2 * DAY)).toBe(true);
  expect(slices(to - 90 * DAY, to)).toEqual([]);
});

test('a report is read, and its months stand in their time', () => {
  const report = readReport({
    from: '2026-09-15T00:00:00+07:00', to: '2026-11-10T00:00:00+07:00', months: 1.8, notes: ['n'],
    rules: [{ rule: 'x', read: { channels: 2, silent: 1, samples: 3, completeness: 0.5, meaning: 'm' }, numbers: { alerts: 5, hours: 2.5, months: [{ month: '2026-10', alerts: 5 }], severities: [{ severity: 'low', alerts: 5, hours: 2.5 }, { severity: 'odd' }], stations: [{ name: 'B', alerts: 5, hours: 2.5 }], flapping: { again: 1, muted: 0 } } }],
  });
  if (report === null) throw new Error('not read');
  expect([report.numbers.alerts, report.before, report.numbers.severities.length]).toEqual([5, null, 1]);
  expect(monthBars(report).map(({ alerts, from, to }) => [alerts, Math.round((to - from) / DAY)])).toEqual([[0, 16], [5, 31], [0, 9]]);
  expect(readReport({ rules: [] })).toBeNull();
});

test('tests are read with their verdicts', () => {
  expect(readTests({ passed: false, tests: [{ name: 't', line: 3, rules: ['x'], passed: false, transitions: [{ verdict: 'missing', transition: '5m active low' }] }] })).toEqual([{ name: 't', line: 3, passed: false, lines: [{ verdict: 'missing', transition: '5m active low' }] }]);
});

test('the channels with the most alerts are drawn first', () => {
  const rule = ruleIn(NEW_RULE);
  const station = (id: string, area: string, property = 'pm2_5') => ({ id, area, kind: 'air', name: { vi: id }, channels: [{ property }] }) as unknown as Parameters<typeof candidates>[0][number];
  const found = candidates([station('A', '1'), station('B', '2'), station('C', '2', 'co')], [{ id: '2', parent: '12' }], { ...rule!, areas: ['12'] }, 'pm2_5', [{ name: 'B', alerts: 3, hours: 1 }]);
  expect(found.map(({ id, alerts }) => [id, alerts])).toEqual([['B', 3]]);
});
