// A rule's text: switched on and off in place, given another name, read for its thresholds.
import { list, object, text as word } from '../../api/json';
import { readRule, type Rule } from '../../api/rules';
import { readToml } from './toml';

/** The first and the last line, after `[[rule]]`, of the rule's own keys. */
function head(lines: readonly string[]): [number, number] {
  const begin = lines.findIndex((line) => /^\s*\[\[\s*rule\s*\]\]/.test(line));
  const next = lines.findIndex((line, index) => index > begin && /^\s*\[/.test(line));
  return [begin + 1, next === -1 ? lines.length : next];
}

function keyLine(lines: readonly string[], key: string): number {
  const [from, to] = head(lines);
  const pattern = new RegExp(`^\\s*${key}\\s*=`);
  return lines.findIndex((line, index) => index >= from && index < to && pattern.test(line));
}

export function isArmed(text: string): boolean {
  const lines = text.split('\n');
  const at = keyLine(lines, 'enabled');
  return at === -1 || !/=\s*false\b/.test(lines[at] ?? '');
}

/** The same text, watched or not. No line moves, unless one must be added. */
export function switched(text: string, to: 'armed' | 'disarmed'): string {
  if (isArmed(text) === (to === 'armed')) return text;
  const lines = text.split('\n');
  const at = keyLine(lines, 'enabled');
  const line = `enabled = ${to === 'armed'}`;
  if (at === -1) lines.splice(head(lines)[0], 0, line);
  else lines[at] = (lines[at] ?? '').replace(/enabled\s*=\s*(true|false)/, line);
  return lines.join('\n');
}

export function nameIn(text: string): string {
  return word(object(list(object(readToml(text)).rule)[0]).name) ?? '';
}

export function renamed(text: string, name: string): string {
  const lines = text.split('\n');
  const at = keyLine(lines, 'name');
  if (at !== -1) lines[at] = `name = ${JSON.stringify(name)}`;
  return lines.join('\n');
}

/** A name that is not taken: at most 40 letters, as the server has it. */
export function freeName(name: string, taken: ReadonlySet<string>): string {
  for (let number = 2; ; number += 1) {
    const tail = `-${number}`;
    const candidate = name.slice(0, 40 - tail.length) + tail;
    if (!taken.has(candidate)) return candidate;
  }
}

/** The rule as other pages know it; null when its text cannot be read here. */
export function ruleIn(text: string): Rule | null {
  const rules = list(object(readToml(text)).rule);
  return rules.length === 1 ? readRule({ rule: { ...object(rules[0]), enabled: true } }) : null;
}

/** What a new rule begins with: off, and complete enough to be tried. */
export const NEW_RULE = `[[rule]]
name = "pm2-5-watch"
enabled = false
title = { vi = "Bụi mịn PM2.5 cao", en = "High fine dust (PM2.5)" }
text = { vi = "Kiểm tra nguồn đốt, bụi quanh trạm.", en = "Look for burning and dust near the station." }
source = "our choice (unconfirmed)"
kind = "air"
property = "pm2_5"
unit = "ug/m3"
for = "10m"
clear_for = "15m"
levels = [
  { severity = "low", above = 50, clear = 45 },
  { severity = "medium", above = 80, clear = 72 },
]
`;

/** A test to begin with: what the first level needs to be raised, and to be over. */
export function firstTest(text: string): string {
  const rule = ruleIn(text);
  const condition = rule?.conditions[0];
  const level = condition?.levels[0];
  if (!rule || !condition || !level) return '';
  const beyond = level.threshold;
  const calm = level.clear ?? beyond;
  const step = Math.max(Math.abs(level.threshold) * 0.2, 1);
  const away = level.side === 'above' ? 1 : -1;
  const tidy = (value: number): number => Number(value.toPrecision(4));
  return `[[test]]
name = "raised and over"
rule = ${JSON.stringify(rule.name)}
every = "5m"
series = { ${condition.property} = "${tidy(calm - away * step)}x3 ${tidy(beyond + away * step)}x6 ${tidy(calm - away * step)}x8" }
expect = []
`;
}
