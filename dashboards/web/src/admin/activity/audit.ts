// The server's audit: what is asked of it, its records, what they are about and how they were done, in words.
import { finite, instant, list, object, text, words as bothWords } from '../../api/json';
import { instantWords } from '../../planner/words/times';
import type { Language, Words } from '../../states';
import { CLOSE_CAUSES } from '../../words/codes';
import { writeRoute } from '../route';
import type { AdminMessages } from '../words/vi';

/** Acts of one sort, for the filter: a closed list, which src/auth/audit.rs has. */
export const GROUPS = {
  registry: ['registry_changed', 'maintenance_planned', 'maintenance_withdrawn'],
  rules: ['rules_changed'],
  people: ['person_added', 'person_changed', 'person_removed', 'roster_changed'],
  alerts: ['alert_acknowledged', 'alert_unacknowledged', 'alert_assigned', 'alert_commented', 'alert_shelved', 'alert_unshelved', 'alert_closed'],
  intake: ['device_issued', 'device_revoked', 'command_sent', 'samples_corrected', 'dead_letter_replayed'],
  accounts: ['account_added', 'account_changed', 'account_disabled', 'account_enabled', 'password_changed', 'token_issued', 'token_revoked'],
  doors: ['signed_in', 'signed_out', 'sign_in_refused', 'sign_in_held_back', 'access_refused'],
} as const;
export type Group = keyof typeof GROUPS;
export type Act = (typeof GROUPS)[Group][number];

export interface AuditRecord {
  id: number;
  at: number;
  actor: string;
  act: string;
  /** As the server calls it: said of acts that only a newer server knows. */
  name: Partial<Words>;
  subject: string;
  detail: string;
  origin: string | null;
}

export interface AuditPage {
  records: readonly AuditRecord[];
  /** Where to go on; null: there are no older ones. */
  next: string | null;
}

/** Empty: any. `acts` are words with commas between. */
export interface AuditFilter {
  actor: string;
  acts: string;
  subject: string;
}

/** Records in one answer. */
const EACH = 50;

export function auditPath({ actor, acts, subject }: AuditFilter, next: string | null): string {
  const query = new URLSearchParams({ limit: String(EACH) });
  for (const [key, value] of Object.entries({ actor: actor.trim(), act: acts, subject: subject.trim(), next })) if (value) query.set(key, value);
  return `/api/v1/audit?${query.toString()}`;
}

export function readAuditPage(value: unknown): AuditPage {
  const said = object(value);
  const records = list(said.records).map(object).flatMap((row) => {
    const [id, at] = [finite(row.id), instant(row.at)];
    if (id === null || at === null) return [];
    const [actor, act, subject, detail] = [row.actor, row.act, row.subject, row.detail].map((part) => text(part) ?? '') as [string, string, string, string];
    return [{ id, at, actor, act, name: bothWords(row.name), subject, detail, origin: text(row.origin) }];
  });
  return { records, next: text(said.next) };
}

/** What a table has of a word of the server, which may be any. */
const known = <T>(table: Readonly<Record<string, T>>, word: string): T | undefined => (Object.hasOwn(table, word) ? table[word] : undefined);

const SUBJECTS: Readonly<Record<string, (subject: string) => string>> = {
  registry_changed: (subject) => writeRoute({ section: 'stations', subject }),
  maintenance_planned: (subject) => writeRoute({ section: 'stations', subject }),
  maintenance_withdrawn: (subject) => writeRoute({ section: 'stations', subject }),
  command_sent: (subject) => writeRoute({ section: 'stations', subject }),
  // Of a channel: its station.
  samples_corrected: (subject) => writeRoute({ section: 'stations', subject: subject.split('/')[0] ?? '' }),
  rules_changed: (subject) => writeRoute({ section: 'rules', subject }),
  person_added: (subject) => writeRoute({ section: 'people', subject }),
  person_changed: (subject) => writeRoute({ section: 'people', subject }),
  roster_changed: () => writeRoute({ section: 'roster', subject: '' }),
};

/** Where on the pages the subject is; null where no page has it. */
export function subjectLink({ act, subject }: Pick<AuditRecord, 'act' | 'subject'>): string | null {
  if (subject === '') return null;
  if (GROUPS.alerts.some((word) => word === act)) return `/#/alert/${encodeURIComponent(subject)}`;
  return known(SUBJECTS, act)?.(subject) ?? null;
}

export const actWords = ({ act, name }: Pick<AuditRecord, 'act' | 'name'>, say: AdminMessages, language: Language): string => known(say.audit.acts, act) ?? name[language] ?? name.en ?? act;

export const actorWords = (actor: string, say: AdminMessages): string => known(say.audit.actors, actor) ?? actor;

const when = (instantText: string, language: Language): string => {
  const at = instant(instantText);
  return at === null ? instantText : instantWords(at, language);
};
/** What was done, and what somebody said of it, if they did. */
const withNote = (done: string, note: string): string => (note.trim() === '' ? done : `${done}: ${note}`);

/** How it was done: in words where the server's own are of a closed form, else as they came. */
export function detailWords({ act, detail }: Pick<AuditRecord, 'act' | 'detail'>, say: AdminMessages, language: Language): string {
  if (act === 'registry_changed') return known(say.changes.acts, detail) ?? detail;
  const [form, turn] = known(FORMS, act) ?? [];
  const parts = form?.exec(detail);
  return parts && turn ? turn(parts.slice(1), say, language) : detail;
}

type Turn = (parts: string[], say: AdminMessages, language: Language) => string;
const FORMS: Readonly<Record<string, [RegExp, Turn]>> = {
  rules_changed: [/^(\w+) as version (\d+): ([^]*)$/, ([act = '', version, reason = ''], say) => withNote(`${known(say.versions.acts, act) ?? act}, ${say.versions.version(Number(version)).toLocaleLowerCase()}`, reason)],
  maintenance_planned: [/^from (\S+) to (\S+): ([^]*)$/, ([from = '', to = '', reason = ''], say, language) => withNote(say.audit.span(when(from, language), when(to, language)), reason)],
  alert_assigned: [/^to (.+?): ([^]*)$/, ([to = '', note = ''], say) => withNote(say.audit.to(to === 'nobody' ? say.audit.nobody : to), note)],
  alert_shelved: [/^until (\S+): ([^]*)$/, ([until = '', reason = ''], say, language) => withNote(say.audit.until(when(until, language)), reason)],
  alert_closed: [/^(\w+): ([^]*)$/, ([cause = '', note = ''], _, language) => withNote(known<Words>(CLOSE_CAUSES, cause)?.[language] ?? cause, note)],
};
