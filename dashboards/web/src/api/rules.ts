// Rules as the page needs them: which values of which channels they compare with what.
import { SEVERITIES, type Severity, type Words } from '../states';
import { finite, list, object, oneOf, text, words } from './json';

export interface Level {
  severity: Severity;
  /** Beyond is above or below. */
  side: 'above' | 'below';
  threshold: number;
  clear: number | null;
}

/** What is compared instead of the sample itself. */
export interface Of {
  fn: string;
  over: string;
}

/** One comparison; a rule with `all` or `any` has several. */
export interface Condition {
  property: string;
  unit: string | null;
  of: Of | null;
  levels: readonly Level[];
}

export interface Rule {
  name: string;
  title: Partial<Words>;
  version: number | null;
  inForce: boolean;
  kinds: readonly string[];
  areas: readonly string[];
  stations: readonly string[];
  except: readonly string[];
  conditions: readonly Condition[];
  /** How the conditions go together; null when there is one. */
  joined: 'all' | 'any' | null;
  /** It counts stations of an area: its levels are numbers of stations. */
  counts: boolean;
  hold: string | null;
  clearFor: string | null;
  /** Without data for so long it is raised (`after`). */
  absence: { after: string; severity: Severity } | null;
  latched: boolean;
  calendar: boolean;
}

const strings = (value: unknown): string[] => (typeof value === 'string' ? [value] : list(value).map(text).filter((item) => item !== null));

function readLevel(value: unknown, severity: Severity | null = null): Level | null {
  const from = object(value);
  const [above, below] = [finite(from.above), finite(from.below)];
  const worth = severity ?? oneOf(from.severity, SEVERITIES);
  const threshold = above ?? below;
  return worth === null || threshold === null ? null : { severity: worth, side: above === null ? 'below' : 'above', threshold, clear: finite(from.clear) };
}

function readOf(value: unknown): Of | null {
  const { fn, over } = object(value);
  return text(fn) === null ? null : { fn: text(fn) ?? '', over: text(over) ?? '' };
}

function readConditions(from: Record<string, unknown>): Condition[] {
  const severity = oneOf(from.severity, SEVERITIES);
  const parts = [...list(from.all), ...list(from.any)].map(object);
  if (parts.length > 0) {
    return parts.map((part) => {
      const level = readLevel(part, severity);
      return { property: text(part.property) ?? '', unit: text(part.unit), of: readOf(part.of), levels: level ? [level] : [] };
    });
  }
  const levels = list(from.levels).map((level) => readLevel(level)).filter((level) => level !== null);
  return [{ property: text(from.property) ?? '', unit: text(from.unit), of: readOf(from.of), levels }];
}

export function readRule(value: unknown): Rule | null {
  const outer = object(value);
  const from = object(outer.rule);
  const name = text(outer.name) ?? text(from.name);
  if (name === null || !outer.rule) return null;
  const absence = object(from.absence);
  const after = text(absence.after);
  const severity = oneOf(absence.severity, SEVERITIES);
  return {
    name,
    title: words(from.title),
    version: finite(outer.version),
    inForce: outer.in_force !== false && outer.enabled !== false,
    kinds: strings(from.kind),
    areas: strings(from.area),
    stations: strings(from.stations),
    except: strings(from.except),
    conditions: readConditions(from),
    joined: Array.isArray(from.all) ? 'all' : Array.isArray(from.any) ? 'any' : null,
    counts: from.count !== undefined,
    hold: text(from.for),
    clearFor: text(from.clear_for),
    absence: after !== null && severity !== null ? { after, severity } : null,
    latched: from.latched === true,
    calendar: from.calendar !== undefined,
  };
}

export function readRules(value: unknown): { rules: Rule[]; next: string | null } {
  const from = object(value);
  return { rules: list(from.rules).map(readRule).filter((rule) => rule !== null), next: text(from.next) };
}
