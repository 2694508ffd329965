// Rules as the server keeps them, with their versions.
import { finite, instant, object, text, words } from '../../api/json';
import type { Words } from '../../states';

export interface RuleDocument {
  name: string;
  title: Partial<Words>;
  /** `file` or `api`. */
  origin: string;
  file: string | null;
  version: number | null;
  enabled: boolean;
  inForce: boolean;
  author: string | null;
  at: number | null;
  act: string;
  reason: string;
  /** Null when it was removed. */
  toml: string | null;
  warnings: readonly string[];
}

export function readRuleDocument(value: unknown): RuleDocument | null {
  const from = object(value);
  const name = text(from.name);
  if (name === null) return null;
  const warnings = Array.isArray(from.warnings) ? from.warnings.map(text).filter((one) => one !== null) : [];
  return {
    name,
    title: words(object(from.rule).title),
    origin: text(from.origin) ?? '',
    file: text(from.file),
    version: finite(from.version),
    enabled: from.enabled === true,
    inForce: from.in_force === true,
    author: text(from.author),
    at: instant(from.at),
    act: text(from.act) ?? '',
    reason: text(from.reason) ?? '',
    toml: text(from.toml),
    warnings,
  };
}

export type RuleState = 'armed' | 'disarmed' | 'refused' | 'removed';

/** Whether it is watched; `refused`: it should be and is not. */
export function stateOf(rule: Pick<RuleDocument, 'toml' | 'enabled' | 'inForce'>): RuleState {
  if (rule.toml === null) return 'removed';
  if (!rule.enabled) return 'disarmed';
  return rule.inForce ? 'armed' : 'refused';
}
