// A group of stations in words.
import { FRESHNESS, FRESHNESSES, SEVERITIES, SEVERITY } from '../states';
import type { speech as Speech } from '../words/language.svelte';
import { decimals } from '../words/properties';
import { ago } from '../words/time';
import type { Cluster } from './crowd';

/** What a disc says: how many, the worst freshness in service, the worst alert, and since when one of them was not heard. */
export function clusterWords(cluster: Cluster, now: number, speech: typeof Speech): string {
  const say = speech.say.map;
  const freshness = FRESHNESSES.find((name) => name === cluster.freshness) ?? 'silent';
  const severity = SEVERITIES.find((name) => name === cluster.severity);
  const parts = [say.group(decimals(speech.language, 0, 0).format(cluster.count), speech.of(FRESHNESS[freshness].words))];
  if (severity) parts.push(say.groupAlert(speech.of(SEVERITY[severity].words)));
  if (cluster.oldestAt !== null && freshness !== 'live') parts.push(say.groupOldest(ago(now - cluster.oldestAt, speech.say)));
  if (cluster.neverHeard > 0) parts.push(say.groupNever(decimals(speech.language, 0, 0).format(cluster.neverHeard)));
  return parts.join(', ');
}
