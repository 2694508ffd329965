// What values mean: the rules that watch them and the scales of computed indices. Loaded with everything else; when
// they cannot be had the values are shown without.
import { getJson } from '../api/client';
import { readIndices, stepOf, type Index, type Step } from '../api/indices';
import { readRules, type Rule } from '../api/rules';

class Meanings {
  rules = $state.raw<readonly Rule[]>([]);
  indices = $state.raw<ReadonlyMap<string, Index>>(new Map());
  /** Why the rules are not known; null when they are. */
  failure = $state<string | null>(null);

  async load(): Promise<void> {
    try {
      const [rules, indices] = await Promise.all([this.#rules(), getJson('/api/v1/indices').then(readIndices)]);
      this.rules = rules;
      this.indices = new Map(indices.map((index) => [index.id, index]));
      this.failure = null;
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
    }
  }

  /** The step of an index's scale; null for what is no index, or has no steps. */
  step(property: string, value: number | null): Step | null {
    return stepOf(this.indices.get(property), value);
  }

  rule(name: string): Rule | undefined {
    return this.rules.find((rule) => rule.name === name);
  }

  forget(): void {
    this.rules = [];
    this.indices = new Map();
  }

  async #rules(): Promise<Rule[]> {
    const found: Rule[] = [];
    let next: string | null = null;
    do {
      const query: string = next === null ? '' : `&next=${encodeURIComponent(next)}`;
      const page = readRules(await getJson(`/api/v1/rules?limit=1000${query}`));
      found.push(...page.rules);
      next = page.next;
    } while (next !== null);
    return found;
  }
}

export const meanings = new Meanings();
