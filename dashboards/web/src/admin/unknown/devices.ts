// Devices that nobody registered, and the form that adopting them begins with.
import { finite, instant, list, object, text } from '../../api/json';
import type { Kind } from '../../states';
import { channelBody, emptyChannel, numeral, readChannelDraft, stationBody, type ChannelDraft, type StationDraft } from '../stations/draft';

export interface UnknownProperty {
  property: string;
  readings: number;
  unit: string | null;
  known: boolean;
}

export interface Device {
  source: string;
  device: string;
  /** There is a station of this name: only its properties are unknown. */
  registered: boolean;
  firstSeen: number;
  lastSeen: number;
  messages: number;
  readings: number;
  otherReadings: number;
  properties: readonly UnknownProperty[];
}

export interface Message {
  topic: string;
  /** Null when it is no text. */
  text: string | null;
  base64: string;
}

export interface DeviceFile {
  device: Device;
  message: Message | null;
  proposal: readonly ChannelDraft[];
}

export function readDevice(value: unknown): Device | null {
  const from = object(value);
  const [source, device, firstSeen, lastSeen] = [text(from.source), text(from.device), instant(from.first_seen), instant(from.last_seen)];
  if (source === null || device === null || firstSeen === null || lastSeen === null) return null;
  const properties = list(from.properties).map(object).map((row) => ({ property: text(row.property) ?? '', readings: finite(row.readings) ?? 0, unit: text(row.unit), known: row.known === true }));
  return { source, device, registered: from.registered === true, firstSeen, lastSeen, messages: finite(from.messages) ?? 0, readings: finite(from.readings) ?? 0, otherReadings: finite(from.other_readings) ?? 0, properties };
}

export function readDeviceFile(value: unknown): DeviceFile | null {
  const device = readDevice(value);
  if (device === null) return null;
  const from = object(value);
  const said = object(from.message);
  const message = from.message ? { topic: text(said.topic) ?? '', text: text(said.text), base64: text(said.base64) ?? '' } : null;
  return { device, message, proposal: list(from.proposal).map(readChannelDraft) };
}

/** Which kind of station observes a property, the telling ones first. */
const TELLING: ReadonlyArray<[RegExp, Kind]> = [
  [/^(vehicle_|occupancy|travel_time)/, 'traffic'],
  [/^(camera_fire|smoke|acoustic)/, 'forest'],
  [/^(water_level|discharge)/, 'river'],
  [/^(pm2_5|pm10|so2|no2|co|o3)$/, 'air'],
  [/^(energy|active_power|power|volume|water_flow)/, 'meter'],
  [/^(air_|relative_|wind_|visibility|dew_)/, 'weather'],
  [/^rain/, 'rain'],
];

export function kindOf(properties: readonly string[]): Kind | '' {
  return TELLING.find(([pattern]) => properties.some((property) => pattern.test(property)))?.[1] ?? '';
}

/** A place in a message, where it says one. */
export function placeIn(message: Message | null): { lat: string; lon: string } | null {
  if (message?.text == null) return null;
  let said: unknown;
  try {
    said = JSON.parse(message.text);
  } catch {
    return null;
  }
  const search = (value: unknown, depth: number): { lat: string; lon: string } | null => {
    const from = object(value);
    const [lat, lon] = [finite(from.lat) ?? finite(from.latitude), finite(from.lon) ?? finite(from.lng) ?? finite(from.longitude)];
    if (lat !== null && lon !== null) return { lat: String(lat), lon: String(lon) };
    if (depth === 0) return null;
    for (const inner of Object.values(from)) {
      const found = search(inner, depth - 1);
      if (found) return found;
    }
    return null;
  };
  return search(said, 3);
}

/** What the server proposes, and the properties that its table does not know, to be filled in. */
export function prefilled({ device, message, proposal }: DeviceFile): StationDraft {
  const proposed = new Set(proposal.map(({ property }) => property));
  const others = device.properties.filter(({ property }) => !proposed.has(property)).map(({ property, unit }) => ({ ...emptyChannel(), property, unit: unit ?? '' }));
  const place = placeIn(message) ?? { lat: '', lon: '' };
  return { id: device.device, kind: kindOf(device.properties.map(({ property }) => property)), vi: device.device, en: device.device, ...place, channels: [...proposal.map((channel) => ({ ...channel })), ...others] };
}

/** A station that is there gets channels alone. */
export function adoptionBody(draft: StationDraft, registered: boolean): Record<string, unknown> {
  return registered ? { channels: draft.channels.map(channelBody) } : stationBody(draft);
}

/** Text that is JSON laid out in lines; anything else as it is. */
export function laidOut(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch {
    return payload;
  }
}

export const placeOf = (draft: StationDraft): [number, number] | null => {
  const [lat, lon] = [numeral(draft.lat), numeral(draft.lon)];
  return typeof lat === 'number' && typeof lon === 'number' && Math.abs(lat) <= 90 ? [lon, lat] : null;
};
