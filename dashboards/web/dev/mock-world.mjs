// A made-up province: values that move plausibly, a few stations that fell silent, a few alerts. Deterministic enough
// for screenshots, not a simulation (that is saola-sim).
import { EventEmitter } from 'node:events';

const GRACE_S = { wired: 10, cellular: 60, lorawan: 300 };
const iso = (ms) => new Date(ms).toISOString();

/** Typical value, daily swing, noise. */
const SHAPES = {
  vehicle_flow: [420, 320, 40], vehicle_speed: [46, -9, 4], occupancy: [9, 7, 1.5], travel_time: [310, 90, 20],
  pm2_5: [34, 14, 4], pm10: [58, 20, 6], so2: [9, 3, 1], no2: [22, 10, 2], co: [620, 220, 40], o3: [48, 26, 4],
  air_temperature: [20, 5, 0.2], relative_humidity: [78, -14, 1.5], dew_point: [15, 1, 0.2], wind_speed: [2.2, 1.2, 0.5],
  wind_gust: [4.4, 2, 0.9], wind_direction: [170, 60, 20], rainfall: [0.1, 0.1, 0.2], air_pressure: [912, 2, 0.2], visibility: [9, 3, 0.8],
  water_level: [3.2, 0.4, 0.03], discharge: [84, 22, 2], water_flow: [40, 12, 2], smoke: [0.05, 0.02, 0.02],
  camera_fire_score: [0.06, 0.02, 0.03], acoustic_score: [0.08, 0.02, 0.03], battery_voltage: [3.7, 0.08, 0.01],
};

function hash(text) {
  let h = 2166136261;
  for (const letter of text) h = Math.imul(h ^ letter.codePointAt(0), 16777619) >>> 0;
  return h / 2 ** 32;
}

function inside(ring, [x, y]) {
  let odd = false;
  for (let i = 0, j = ring.length - 1; i < ring.length; j = i++) {
    const [xi, yi] = ring[i];
    const [xj, yj] = ring[j];
    if (yi > y !== yj > y && x < ((xj - xi) * (y - yi)) / (yj - yi) + xi) odd = !odd;
  }
  return odd;
}

function valueAt(station, property, at) {
  const [typical, swing, noise] = SHAPES[property] ?? [10, 2, 0.5];
  const own = 0.75 + hash(`${station}${property}`) * 0.5;
  const hour = ((at / 3_600_000 + 7) % 24) / 24;
  const slow = Math.sin(2 * Math.PI * (hour - 0.35));
  const jitter = (hash(`${station}${property}${Math.floor(at / 60_000)}`) - 0.5) * 2;
  const value = typical * own + swing * slow + noise * jitter;
  return property === 'wind_direction' ? (value + 360) % 360 : Math.max(0, value);
}

const ALERTS = [
  { pick: ['river', 1], property: 'water_level', severity: 'very_high', factor: 1.3, state: 'active', ago: 1500, title: { vi: 'Mực nước sông lên nhanh', en: 'River rising fast' } },
  { pick: ['forest', 7], property: 'camera_fire_score', severity: 'catastrophic', value: 0.94, threshold: 0.9, state: 'active', ago: 340, title: { vi: 'Camera phát hiện cháy rừng', en: 'Camera sees forest fire' } },
  { pick: ['air', 2], property: 'pm2_5', severity: 'high', factor: 1.2, state: 'recovering', ago: 7200, title: { vi: 'PM2.5 vượt giới hạn', en: 'PM2.5 above its limit' } },
  { pick: ['rain', 3], property: 'rainfall', severity: 'medium', value: 14.2, threshold: 10, state: 'active', ago: 2600, title: { vi: 'Mưa lớn trong một giờ', en: 'Heavy rain within an hour' } },
  { pick: ['traffic', 11], property: 'vehicle_speed', severity: 'low', value: 14.5, threshold: 20, state: 'active', ago: 900, title: { vi: 'Xe đi chậm bất thường', en: 'Unusually slow traffic' } },
  { pick: ['forest', 21], property: 'smoke', severity: 'high', value: null, threshold: null, state: 'unknown', ago: 15_000, title: { vi: 'Khói trong rừng', en: 'Smoke in the forest' } },
  { pick: ['weather', 4], property: 'wind_gust', severity: 'medium', value: 11, threshold: 15, state: 'cleared', ago: 30_000, ended: 21_000, title: { vi: 'Gió giật mạnh', en: 'Strong gusts' } },
];

export class World extends EventEmitter {
  seq = 1;
  #stations = new Map();
  #alerts = new Map();
  #intakeAt = Date.now();

  constructor(stations, communes, { moving }) {
    super();
    this.setMaxListeners(0);
    this.areas = {
      type: 'FeatureCollection',
      features: communes.features.map(({ geometry, properties: p }) => ({
        type: 'Feature', id: p.code, geometry,
        properties: { level: 'commune', name: { vi: p.name, en: p.name_en }, parent: '12', label: [p.label_lon, p.label_lat] },
      })),
    };
    const now = Date.now();
    for (const station of stations) this.#place(station, now);
    for (const alert of ALERTS) this.#raise(alert, now);
    if (moving) setInterval(() => this.#move(), 1000).unref();
  }

  #place(station, now) {
    const dice = hash(station.id);
    // About one in twenty each: silent for hours, stale, late.
    const behind = dice < 0.05 ? 30 : dice < 0.09 ? 3.2 : dice < 0.14 ? 1.6 : 0;
    const area = this.areas.features.find(({ geometry }) => inside(geometry.coordinates[0], [station.lon, station.lat]));
    const maintenance = station.maintenance === true || (dice > 0.965 && dice < 0.98);
    const grace_s = GRACE_S[station.link] ?? 60;
    const channels = station.channels.map(({ property, unit, interval_s }) => {
      const phase = behind === 0 ? hash(station.id + property) * interval_s * 0.9 : (behind - 0.3) * interval_s + grace_s;
      const observedAt = now - phase * 1000;
      return { property, unit, interval_s, grace_s, observedAt, value: valueAt(station.id, property, observedAt), quality: dice > 0.93 && property === station.channels[0].property ? 'calibrating' : 'good', given: [] };
    });
    this.#stations.set(station.id, { ...station, area: area?.id ?? null, maintenance, behind, channels, severity: null });
  }

  #raise({ pick: [kind, index], property, severity, factor, value, threshold, state, ago, ended, title }, now) {
    const station = [...this.#stations.values()].filter((candidate) => candidate.kind === kind)[index];
    const channel = station?.channels.find((candidate) => candidate.property === property);
    if (!channel) return;
    if (state !== 'cleared') station.severity = severity;
    if (value !== undefined && value !== null) channel.value = value;
    const startedAt = now - ago * 1000;
    const endedAt = ended === undefined ? null : now - ended * 1000;
    const limit = threshold === undefined ? channel.value / factor : threshold;
    channel.held = value ?? undefined;
    this.#alerts.set(`${station.id}-${property}`, {
      id: `${station.id}-${property}`, rule: property, title, station: station.id, station_name: station.name, channel: `${station.id}/${property}`, property, unit: channel.unit, area: station.area, area_name: this.#areaName(station.area),
      state, severity, threshold: limit, value: value === undefined ? channel.value : value, started_at: iso(startedAt), changed_at: iso(endedAt ?? startedAt), ended_at: endedAt === null ? null : iso(endedAt),
    });
  }

  #freshness({ interval_s, grace_s, observedAt }) {
    const age = (Date.now() - observedAt) / 1000;
    return age <= interval_s + grace_s ? 'live' : age <= 2 * interval_s + grace_s ? 'late' : age <= 5 * interval_s + grace_s ? 'stale' : 'silent';
  }

  feature(station) {
    const order = ['live', 'late', 'stale', 'silent', 'maintenance'];
    const channels = station.channels.map((channel) => ({
      property: channel.property, unit: channel.unit, value: channel.value, observed_at: iso(channel.observedAt), received_at: iso(channel.observedAt + 700),
      quality: channel.quality, freshness: station.maintenance ? 'maintenance' : this.#freshness(channel), time_from: 'device', interval_s: channel.interval_s, link: station.link, grace_s: channel.grace_s,
    }));
    const freshness = channels.map((channel) => channel.freshness).sort((a, b) => order.indexOf(b) - order.indexOf(a))[0];
    return {
      type: 'Feature', id: station.id, geometry: { type: 'Point', coordinates: [station.lon, station.lat] },
      properties: { kind: station.kind, name: station.name, area: station.area, area_name: this.#areaName(station.area), channels, freshness, severity: station.severity, alerts: [], retired: false },
    };
  }

  #areaName(code) {
    return this.areas.features.find(({ id }) => id === code)?.properties.name ?? null;
  }

  layer() {
    return { type: 'FeatureCollection', features: [...this.#stations.values()].map((station) => this.feature(station)) };
  }

  alertsIn(states) {
    return [...this.#alerts.values()].filter(({ state }) => states.includes(state) || (states.includes('open') && state !== 'cleared'));
  }

  heartbeat() {
    return { now: iso(Date.now()), tick_age_s: 1, intake_age_s: (Date.now() - this.#intakeAt) / 1000, last_seq: this.seq };
  }

  history(name) {
    const [id, property] = name.split('/');
    const station = this.#stations.get(id);
    const channel = station.channels.find((candidate) => candidate.property === property);
    const samples = [];
    const step = channel.interval_s * 1000;
    for (let at = channel.observedAt - 24 * 3_600_000; at <= channel.observedAt; at += step) {
      const ago = channel.observedAt - at;
      if (ago > 6.2 * 3_600_000 && ago < 8.4 * 3_600_000) continue;
      const faulty = ago > 14 * 3_600_000 && ago < 14.6 * 3_600_000;
      const climb = channel.held && ago < 1_800_000 ? (channel.held - valueAt(id, property, at)) * (1 - ago / 1_800_000) : 0;
      samples.push({ time: iso(at), value: valueAt(id, property, at) * (faulty ? 1.25 : 1) + climb, quality: faulty ? 'calibrating' : 'good' });
    }
    samples.push(...channel.given);
    return { channels: [{ channel: name, unit: channel.unit, samples, count: samples.length }] };
  }

  /** A device speaks. A value above twice the ordinary raises an alert at once: the mock has no rules. */
  publish({ station: id, property, value, quality = 'good' }) {
    const station = this.#stations.get(id);
    const channel = station?.channels.find((candidate) => candidate.property === property);
    if (!channel) return;
    const now = Date.now();
    Object.assign(channel, { value, quality, observedAt: now, held: value });
    channel.given.push({ time: iso(now), value, quality });
    this.#intakeAt = now;
    this.seq += 1;
    const limit = (SHAPES[property]?.[0] ?? 10) * 2;
    if (value > limit && !this.#alerts.has(`${id}-${property}`)) {
      const pick = [station.kind, [...this.#stations.values()].filter((other) => other.kind === station.kind).indexOf(station)];
      this.#raise({ pick, property, severity: 'very_high', value, threshold: limit, state: 'active', ago: 0, title: { vi: 'Vượt ngưỡng', en: 'Above the threshold' } }, now);
      this.emit('alert', this.#alerts.get(`${id}-${property}`));
    }
    this.emit('change', this.feature(station));
  }

  #move() {
    const now = Date.now();
    const changed = [];
    for (const station of this.#stations.values()) {
      if (station.behind > 0 || station.maintenance) continue;
      const due = station.channels.filter((channel) => now - channel.observedAt > channel.interval_s * 1000);
      for (const channel of due) {
        channel.observedAt = now;
        channel.value = channel.held ?? valueAt(station.id, channel.property, now);
      }
      if (due.length > 0) changed.push(station);
    }
    if (changed.length === 0) return;
    this.#intakeAt = now;
    this.seq += 1;
    for (const station of changed) this.emit('change', this.feature(station));
  }
}
