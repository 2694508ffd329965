// Reading what the server sends: whole, and with pieces missing.
import { expect, test } from 'vitest';
import { isUsable } from '../states';
import { readAlert, readAreas, readHistory, readHeartbeat, readStation, readStations } from './wire';

const feature = {
  type: 'Feature',
  id: 'AQ-01',
  geometry: { type: 'Point', coordinates: [103.456, 22.396] },
  properties: {
    kind: 'air', name: { vi: 'Không khí', en: 'Air' }, area: '03388', area_name: { vi: 'Đoàn Kết', en: 'Doan Ket' }, freshness: 'late', severity: 'very_high', alerts: ['x'], retired: false,
    channels: [
      { property: 'pm2_5', unit: 'ug/m3', value: 41.2, observed_at: '2026-11-21T10:15:00+07:00', received_at: '2026-11-21T10:15:01+07:00', quality: 'good', freshness: 'live', interval_s: 300, link: 'wired', grace_s: 10 },
      { property: 'pm10', unit: 'ug/m3', value: null, observed_at: null, received_at: null, quality: null, freshness: 'silent', interval_s: 300, link: 'wired', grace_s: 10 },
    ],
  },
};

test('a station', () => {
  const station = readStation(feature);
  expect(station).toMatchObject({ id: 'AQ-01', kind: 'air', area: '03388', lon: 103.456, lat: 22.396, declared: 'late', severity: 'very_high' });
  expect(station?.channels[0]).toMatchObject({ value: 41.2, observedAt: Date.parse('2026-11-21T03:15:00Z'), declared: 'live', intervalMs: 300_000, graceMs: 10_000 });
  expect(station?.channels[1]).toMatchObject({ value: null, observedAt: null, quality: 'good', declared: 'silent' });
});

test('a freshness that this page does not know is never shown as live', () => {
  expect(readStation({ ...feature, properties: { ...feature.properties, freshness: 'splendid' } })?.declared).toBe('silent');
});

test('only a good value is shown as one, and a word that this page does not know is doubtful', () => {
  const read = (quality: unknown, flags?: unknown) => {
    const channels = [{ ...feature.properties.channels[0], quality, flags }];
    return readStation({ ...feature, properties: { ...feature.properties, channels } })?.channels[0]?.quality ?? 'good';
  };
  for (const word of ['bad', 'fault', 'maintenance', 'calibrating', 'spike', 'stuck', 'rate', 'range', 'estimated'] as const) {
    expect(read(word, [word])).toBe(word);
    expect(isUsable(read(word))).toBe(false);
  }
  expect(read('splendid')).toBe('doubtful');
  expect(read(7)).toBe('doubtful');
  expect(isUsable('doubtful')).toBe(false);
  expect(read('good', ['edited', 'received_time'])).toBe('edited');
  expect(read('good', ['clock_skew'])).toBe('clock_skew');
  expect(isUsable('edited')).toBe(true);
  expect(read('good', [])).toBe('good');
});

test('how long a value stays as fresh as it is', () => {
  const channels = [{ ...feature.properties.channels[0], fresh_until: '2026-11-21T18:00:00+07:00' }, feature.properties.channels[1]];
  const station = readStation({ ...feature, properties: { ...feature.properties, channels } });
  expect(station?.channels.map((channel) => channel.freshUntil)).toEqual([Date.parse('2026-11-21T11:00:00Z'), null]);
});

test('what is not a station is left out', () => {
  expect(readStations({ features: [feature, { type: 'Feature', properties: { cluster: true } }, null, 7] })).toHaveLength(1);
});

test('an alert for absence of data has neither value nor threshold', () => {
  const alert = readAlert({
    id: 'r~AQ-01/pm2_5~1', rule: 'r', title: { vi: 'Mất dữ liệu', en: 'No data' }, station: 'AQ-01', station_name: { vi: 'a', en: 'b' }, property: 'pm2_5', channel: 'AQ-01/pm2_5',
    area: null, area_name: null, state: 'unknown', severity: 'low', value: null, threshold: null, unit: 'ug/m3',
    started_at: '2026-11-21T10:15:00+07:00', changed_at: '2026-11-21T10:15:00+07:00', ended_at: null, timeline: [],
  });
  expect(alert).toMatchObject({ state: 'unknown', value: null, threshold: null, endedAt: null, areaName: {} });
  expect(readAlert({ id: 'x', state: 'sleeping', severity: 'low' })).toBeNull();
});

test('areas carry their code where the map looks for it', () => {
  const geometry = { type: 'MultiPolygon', coordinates: [] };
  const [area] = readAreas({ features: [{ type: 'Feature', id: '03388', geometry, properties: { level: 'commune', name: { vi: 'Đoàn Kết', en: 'Doan Ket' }, parent: '12', label: [103.4, 22.4] } }] });
  expect(area?.properties).toEqual({ id: '03388', name: { vi: 'Đoàn Kết', en: 'Doan Ket' }, label: [103.4, 22.4] });
});

test('a history comes out oldest first, whatever its order', () => {
  const samples = readHistory({ channels: [{ channel: 'a/b', samples: [{ time: '2026-11-21T10:16:00+07:00', value: 2, quality: 'fault' }, { time: '2026-11-21T10:15:00+07:00', value: 1, quality: 'good' }, { time: 'soon', value: 3 }] }] }, 'a/b');
  expect(samples.map(({ value, quality }) => [value, quality])).toEqual([[1, 'good'], [2, 'fault']]);
});

test('a heartbeat', () => {
  expect(readHeartbeat({ now: '2026-11-21T03:15:00Z', tick_age_s: null, intake_age_s: 2.5, last_seq: 9 })).toEqual({ now: Date.parse('2026-11-21T03:15:00Z'), intakeAgeS: 2.5, tickAgeS: null, unheard: [] });
  expect(readHeartbeat({ now: '2026-11-21T03:15:00Z', unheard: [{ source: 'lora', since: '2026-11-21T03:10:00Z' }, {}] })?.unheard).toEqual(['lora']);
  expect(readHeartbeat({})).toBeNull();
});
