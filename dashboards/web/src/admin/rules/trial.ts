// Rules on trial: what their tests and stored history say, as the server tells it, and the slices in which alerts are drawn.
import { finite, list, object, oneOf, text } from '../../api/json';
import { SEVERITIES, type Severity } from '../../states';
import { DAY_MS } from '../../words/time';

export interface TestLine {
  verdict: string;
  transition: string;
}

export interface TestResult {
  name: string;
  line: number;
  passed: boolean;
  lines: readonly TestLine[];
}

export interface Count {
  name: string;
  alerts: number;
  hours: number;
}

export interface Numbers {
  alerts: number;
  perMonth: number;
  hours: number;
  openAtBegin: number;
  openAtEnd: number;
  medianMinutes: number | null;
  longestMinutes: number | null;
  months: ReadonlyArray<{ month: string; alerts: number }>;
  severities: ReadonlyArray<{ severity: Severity; alerts: number; hours: number }>;
  stations: readonly Count[];
  again: number;
  muted: number;
}

export interface Report {
  from: number;
  to: number;
  numbers: Numbers;
  /** The rule of that name that is in force, when it is another. */
  before: Numbers | null;
  read: { channels: number; silent: number; samples: number; completeness: number | null; meaning: string };
  notes: readonly string[];
}

export function readTests(value: unknown): TestResult[] {
  return list(object(value).tests).map(object).map((row) => ({
    name: text(row.name) ?? '',
    line: finite(row.line) ?? 0,
    passed: row.passed === true,
    lines: list(row.transitions).map(object).map((line) => ({ verdict: text(line.verdict) ?? '', transition: text(line.transition) ?? '' })),
  }));
}

function readNumbers(value: unknown): Numbers {
  const from = object(value);
  const flapping = object(from.flapping);
  return {
    alerts: finite(from.alerts) ?? 0,
    perMonth: finite(from.per_month) ?? 0,
    hours: finite(from.hours) ?? 0,
    openAtBegin: finite(from.open_at_begin) ?? 0,
    openAtEnd: finite(from.open_at_end) ?? 0,
    medianMinutes: finite(from.minutes_median),
    longestMinutes: finite(from.minutes_longest),
    months: list(from.months).map(object).map((row) => ({ month: text(row.month) ?? '', alerts: finite(row.alerts) ?? 0 })),
    severities: list(from.severities).map(object).flatMap((row) => {
      const severity = oneOf(row.severity, SEVERITIES);
      return severity === null ? [] : [{ severity, alerts: finite(row.alerts) ?? 0, hours: finite(row.hours) ?? 0 }];
    }),
    stations: list(from.stations).map(object).map((row) => ({ name: text(row.name) ?? '', alerts: finite(row.alerts) ?? 0, hours: finite(row.hours) ?? 0 })),
    again: finite(flapping.again) ?? 0,
    muted: finite(flapping.muted) ?? 0,
  };
}

export function readReport(value: unknown): Report | null {
  const from = object(value);
  const [rule] = list(from.rules).map(object);
  const [begin, end] = [Date.parse(text(from.from) ?? ''), Date.parse(text(from.to) ?? '')];
  if (!rule || Number.isNaN(begin) || Number.isNaN(end)) return null;
  const read = object(rule.read);
  return {
    from: begin,
    to: end,
    numbers: readNumbers(rule.numbers),
    before: rule.before ? readNumbers(rule.before) : null,
    read: { channels: finite(read.channels) ?? 0, silent: finite(read.silent) ?? 0, samples: finite(read.samples) ?? 0, completeness: finite(read.completeness), meaning: text(read.meaning) ?? '' },
    notes: list(from.notes).map(text).filter((note) => note !== null),
  };
}

export interface Bar {
  from: number;
  to: number;
  alerts: number;
  /** Null where the report does not say it: by months. */
  hours: number | null;
}

/** Bars that are asked for one by one, at most. */
export const SLICES_MAX = 10;
/** A longer stretch is drawn by the report's own months. */
export const SLICED_DAYS_MAX = 31;

/** Equal slices of whole days; none for a stretch that is drawn by months. */
export function slices(from: number, to: number): Array<[number, number]> {
  const days = (to - from) / DAY_MS;
  if (days > SLICED_DAYS_MAX) return [];
  const step = Math.max(1, Math.ceil(days / SLICES_MAX)) * DAY_MS;
  const found: Array<[number, number]> = [];
  for (let at = from; at < to; at += step) found.push([at, Math.min(at + step, to)]);
  return found;
}

/** The report's months as bars; months without alerts among them. */
export function monthBars(report: Report): Bar[] {
  const bars: Bar[] = [];
  const local = (at: number): Date => new Date(at + 7 * 3_600_000);
  const first = local(report.from);
  for (let year = first.getUTCFullYear(), month = first.getUTCMonth(); ; month += 1) {
    const [begin, end] = [month, month + 1].map((number) => Date.UTC(year, number, 1) - 7 * 3_600_000) as [number, number];
    if (begin >= report.to) return bars;
    const name = local(begin).toISOString().slice(0, 7);
    const alerts = report.numbers.months.find((one) => one.month === name)?.alerts ?? 0;
    bars.push({ from: Math.max(begin, report.from), to: Math.min(end, report.to), alerts, hours: null });
  }
}

/** How long a bucket of the line is: a few hundred of them in a picture. */
export function everyOf(from: number, to: number): string {
  const days = (to - from) / DAY_MS;
  return days <= 2 ? '10m' : days <= 31 ? '1h' : days <= 200 ? '6h' : '1d';
}
