// What was changed, by whom, newest first: of stations and rules as the server keeps it.
import { readRuleDocument, type RuleDocument } from '../rules/documents';
import { everyRow, part } from '../send';
import { over } from '../several';
import { changesOf, FILES, type Change } from '../stations/changes';

/** What the section's address names beside the changes. */
export const AUDIT = 'audit';

export interface Entry {
  what: 'station' | 'rule';
  subject: string;
  at: number;
  author: string;
  act: string;
  change: Change | null;
  version: RuleDocument | null;
  /** It is the newest of its subject: that one can be taken back. */
  isNewest: boolean;
}

/** Changes read of each station and versions of each rule. */
const EACH = 20;

export function stationEntries(changes: readonly Change[]): Entry[] {
  return changes
    .map((change, index): Entry => ({ what: 'station', subject: change.station, at: change.at, author: change.author, act: change.act, change, version: null, isNewest: index === 0 }))
    .filter((entry) => entry.author !== FILES);
}

export function ruleEntries(versions: readonly RuleDocument[]): Entry[] {
  return versions.flatMap((version, index): Entry[] =>
    version.at === null ? [] : [{ what: 'rule', subject: version.name, at: version.at, author: version.author ?? '', act: version.act, change: null, version, isNewest: index === 0 }],
  );
}

export const sorted = (entries: readonly Entry[]): Entry[] => [...entries].sort((a, b) => b.at - a.at);

/** Everything that can be read; `unread` counts what could not. */
export async function readActivity(stations: readonly string[], told: (done: number, of: number) => void): Promise<{ entries: Entry[]; unread: number }> {
  const rules = (await everyRow('/api/v1/rules?limit=1000', 'rules')).map(readRuleDocument).filter((rule) => rule?.origin === 'api');
  const entries: Entry[] = [];
  const jobs: Array<() => Promise<Entry[]>> = [
    ...stations.map((id) => async () => stationEntries(await changesOf(id, EACH))),
    ...rules.map((rule) => async () => ruleEntries((await everyRow(`/api/v1/rules/${part(rule?.name ?? '')}/versions?limit=${EACH}`, 'versions', EACH)).map(readRuleDocument).filter((version) => version !== null))),
  ];
  let [done, unread] = [0, 0];
  await over(jobs, async (job) => {
    try {
      entries.push(...(await job()));
    } catch {
      unread += 1;
    }
    done += 1;
    told(done, jobs.length);
  });
  return { entries: sorted(entries), unread };
}
