// A station as a form holds it, and as the API takes it. Numbers stay texts until they are sent, so that what cannot be
// one is refused at its field instead of being lost.
import { finite, instant, list, object, text } from '../../api/json';
import type { Words } from '../../states';

export interface ChannelDraft {
  property: string;
  unit: string;
  interval: string;
  min: string;
  max: string;
  link: string;
}

export interface StationDraft {
  id: string;
  kind: string;
  vi: string;
  en: string;
  lat: string;
  lon: string;
  channels: ChannelDraft[];
}

export interface Channel extends ChannelDraft {
  retired: boolean;
}

export interface Definition {
  id: string;
  kind: string;
  name: Partial<Words>;
  lat: number;
  lon: number;
  area: string | null;
  maintenance: boolean;
  retired: boolean;
  declaredBy: string;
  revision: number;
  channels: readonly Channel[];
}

export interface Place {
  lat: number;
  lon: number;
  area: string | null;
  from: number | null;
  to: number | null;
}

export interface Window {
  id: string;
  author: string;
  from: number;
  to: number;
  reason: string;
  state: string;
}

export const LINKS = ['wired', 'cellular', 'lorawan'] as const;

const shown = (value: unknown): string => (typeof value === 'number' ? String(value) : (text(value) ?? ''));

export function readChannelDraft(value: unknown): ChannelDraft {
  const from = object(value);
  return { property: shown(from.property), unit: shown(from.unit), interval: shown(from.interval), min: shown(from.min), max: shown(from.max), link: shown(from.link) };
}

export function readDefinition(value: unknown): Definition | null {
  const from = object(value);
  const [id, lat, lon] = [text(from.id), finite(from.lat), finite(from.lon)];
  if (id === null || lat === null || lon === null) return null;
  const name = object(from.name);
  return {
    id,
    kind: text(from.kind) ?? '',
    name: { vi: text(name.vi) ?? '', en: text(name.en) ?? '' },
    lat,
    lon,
    area: text(from.area),
    maintenance: from.maintenance === true,
    retired: from.retired === true,
    declaredBy: text(from.declared_by) ?? '',
    revision: finite(from.revision) ?? 0,
    channels: list(from.channels).map((row) => ({ ...readChannelDraft(row), retired: object(row).retired === true })),
  };
}

export function readPlaces(value: unknown): Place[] {
  return list(object(value).positions).map(object).flatMap((row) => {
    const [lat, lon] = [finite(row.lat), finite(row.lon)];
    return lat === null || lon === null ? [] : [{ lat, lon, area: text(row.area), from: instant(row.valid_from), to: instant(row.valid_to) }];
  });
}

export function readWindow(value: unknown): Window | null {
  const row = object(value);
  const [id, from, to] = [text(row.id), instant(row.from), instant(row.to)];
  return id === null || from === null || to === null ? null : { id, from, to, author: text(row.author) ?? '', reason: text(row.reason) ?? '', state: text(row.state) ?? '' };
}

export const emptyChannel = (): ChannelDraft => ({ property: '', unit: '', interval: '', min: '', max: '', link: '' });
export const emptyDraft = (): StationDraft => ({ id: '', kind: '', vi: '', en: '', lat: '', lon: '', channels: [emptyChannel()] });

export function draftOf(definition: Definition): StationDraft {
  const { id, kind, name, lat, lon } = definition;
  const channels = definition.channels.filter((channel) => !channel.retired).map(({ retired: _, ...channel }) => ({ ...channel }));
  return { id, kind, vi: name.vi ?? '', en: name.en ?? '', lat: String(lat), lon: String(lon), channels };
}

/** A number where it is one; otherwise what was typed, which the server refuses at its field. */
export function numeral(typed: string): number | string | undefined {
  const plain = typed.trim().replace(',', '.');
  if (plain === '') return undefined;
  const value = Number(plain);
  return Number.isFinite(value) ? value : typed;
}

const stated = (typed: string): string | undefined => (typed.trim() === '' ? undefined : typed.trim());

/** Without what was left open: the server then takes it from its table of properties. */
export function channelBody(channel: ChannelDraft): Record<string, unknown> {
  const body = { property: stated(channel.property) ?? '', unit: stated(channel.unit), interval: stated(channel.interval), min: numeral(channel.min), max: numeral(channel.max), link: stated(channel.link) };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

export function stationBody(draft: StationDraft): Record<string, unknown> {
  const body = { id: stated(draft.id), kind: draft.kind, name: { vi: draft.vi.trim(), en: draft.en.trim() }, lat: numeral(draft.lat), lon: numeral(draft.lon), channels: draft.channels.map(channelBody) };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined));
}

/** What is different, as a merge patch; channels go whole or not at all. */
export function patchBody(before: StationDraft, after: StationDraft): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  if (before.kind !== after.kind) patch.kind = after.kind;
  if (before.vi !== after.vi || before.en !== after.en) patch.name = { vi: after.vi.trim(), en: after.en.trim() };
  if (JSON.stringify(before.channels) !== JSON.stringify(after.channels)) patch.channels = after.channels.map(channelBody);
  return patch;
}

/** The path by which the server names a field of a channel. */
export const channelPath = (channel: ChannelDraft, index: number, field: string): string => `channels.${channel.property.trim() === '' ? index : channel.property.trim()}.${field}`;
