// People who are told of alerts, as a form holds them and as the API takes them.
import { finite, list, object, oneOf, text } from '../../api/json';
import { KINDS, SEVERITIES, type Kind, type Severity } from '../../states';

export interface Contact {
  channel: string;
  address: string;
}

/** What somebody wants to hear. What no control shows is kept as it came. */
export interface Subscription {
  areas: string[];
  kinds: Kind[];
  leastSeverity: Severity;
  languages: string[];
  rest: Readonly<Record<string, unknown>>;
}

export interface PersonDraft {
  id: string;
  name: string;
  account: string;
  contacts: Contact[];
  subscriptions: Subscription[];
}

export interface Person extends PersonDraft {
  revision: number;
}

const SHOWN = ['areas', 'kinds', 'least_severity', 'languages'];
const texts = (value: unknown): string[] => list(value).map(text).filter((one) => one !== null);

export function readSubscription(value: unknown): Subscription {
  const from = object(value);
  return {
    areas: texts(from.areas),
    kinds: texts(from.kinds).map((kind) => oneOf(kind, KINDS)).filter((kind) => kind !== null),
    leastSeverity: oneOf(from.least_severity, SEVERITIES) ?? 'low',
    languages: texts(from.languages),
    rest: Object.fromEntries(Object.entries(from).filter(([name]) => !SHOWN.includes(name))),
  };
}

export function readPerson(value: unknown): Person | null {
  const from = object(value);
  const id = text(from.id);
  if (id === null) return null;
  return {
    id,
    name: text(from.name) ?? '',
    account: text(from.account) ?? '',
    revision: finite(from.revision) ?? 0,
    contacts: list(from.contacts).map(object).map((row) => ({ channel: text(row.channel) ?? '', address: text(row.address) ?? '' })),
    subscriptions: list(from.subscriptions).map(readSubscription),
  };
}

export const emptySubscription = (): Subscription => ({ areas: [], kinds: [], leastSeverity: 'medium', languages: ['vi'], rest: {} });
export const emptyPerson = (): PersonDraft => ({ id: '', name: '', account: '', contacts: [], subscriptions: [emptySubscription()] });

export function draftOf(person: Person): PersonDraft {
  const { revision: _, ...draft } = person;
  return structuredClone(draft);
}

/** The body of a change; with the revision it is refused when somebody else was faster. */
export function personBody(draft: PersonDraft, revision: number | null = null): Record<string, unknown> {
  return {
    id: draft.id.trim(),
    name: draft.name.trim(),
    account: draft.account.trim() === '' ? null : draft.account.trim(),
    contacts: draft.contacts.filter(({ channel, address }) => channel.trim() !== '' || address.trim() !== '').map(({ channel, address }) => ({ channel: channel.trim(), address: address.trim() })),
    subscriptions: draft.subscriptions.map(({ areas, kinds, leastSeverity, languages, rest }) => ({ ...rest, areas, kinds, least_severity: leastSeverity, languages })),
    ...(revision === null ? {} : { revision }),
  };
}
