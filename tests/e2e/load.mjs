// A province of very many stations that all report, in a server of its own, for measurements.
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { device } from './mqtt.mjs';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const BIN = process.env.SAOLA_BIN ?? join(ROOT, 'target/release/saola');
/** Who looks. */
export const USER = 'bench';
/** The devices' account: argon2id of `load`, as cheap as it may be, because sign-in is not what is measured. */
const ACCOUNT = { name: 'load', password: 'load' };
const HASH = '$argon2id$v=19$m=8,t=1,p=1$v2WnyuNknr98AxsXhcyj2w$XdotqJGY8giehrgm4dQ5szDpNF2S8q15+/KJUZ/hJpg';
const KINDS = [
  ['weather', 'air_temperature', 'Cel', -20, 60],
  ['air', 'pm2_5', 'ug/m3', 0, 1000],
  ['river', 'water_level', 'm', 0, 30],
  ['rain', 'rainfall', 'mm', 0, 200],
  ['forest', 'air_temperature', 'Cel', -20, 60],
  ['meter', 'water_flow', 'm3/s', 0, 500],
];
/** Alerts at the first stations of air, so that symbols with rings are drawn as well. */
const ALERTED = 300;
const RULES = `[[rule]]
name = "measured"
title = { vi = "Đo", en = "Measured" }
property = "pm2_5"
levels = [{ severity = "high", above = 500 }]
`;

export const said = (line) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);

/** A row a line: what it is of, and cells under their heads. */
export function printTable(title, heads, rows) {
  const width = Math.max(...rows.map(([what]) => what.length)) + 2;
  console.log(`\n${title}`);
  for (const [what, ...cells] of [['', ...heads], ...rows]) console.log(what.padEnd(width) + cells.map((cell) => cell.padStart(9)).join(''));
}

/** The same numbers in every run. */
function dice(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 4_294_967_296;
  };
}

/** Points inside the communes, denser where communes are small, as people are. */
function places(count) {
  const { features } = JSON.parse(readFileSync(join(ROOT, 'config/areas/lai_chau_communes_2025.geojson'), 'utf8'));
  const rings = features.map(({ geometry }) => (geometry.type === 'Polygon' ? [geometry.coordinates[0]] : geometry.coordinates.map(([outer]) => outer)).toSorted((a, b) => b.length - a.length)[0]);
  const boxes = rings.map((ring) => [Math.min(...ring.map(([x]) => x)), Math.min(...ring.map(([, y]) => y)), Math.max(...ring.map(([x]) => x)), Math.max(...ring.map(([, y]) => y))]);
  const inside = (ring, x, y) => ring.reduce((odd, [ax, ay], i) => {
    const [bx, by] = ring[(i || ring.length) - 1];
    return ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax ? !odd : odd;
  }, false);
  const roll = dice(7);
  const found = [];
  while (found.length < count) {
    const pick = found.length % rings.length;
    const [west, south, east, north] = boxes[pick];
    const [x, y] = [west + roll() * (east - west), south + roll() * (north - south)];
    if (inside(rings[pick], x, y)) found.push([x, y]);
  }
  return found;
}

const idOf = (number) => `M-${String(number).padStart(6, '0')}`;
const kindOf = (number) => KINDS[number % KINDS.length];

function province(folder, stations) {
  for (const part of ['stations', 'areas', 'rules']) mkdirSync(join(folder, part), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'config/areas'))) cpSync(join(ROOT, 'config/areas', name), join(folder, 'areas', name));
  writeFileSync(join(folder, 'rules/measured.toml'), RULES);
  const text = places(stations).map(([lon, lat], number) => {
    const [kind, property, unit, min, max] = kindOf(number);
    return `[[station]]\nid = "${idOf(number)}"\nkind = "${kind}"\nname = { vi = "Trạm đo ${number}", en = "Measured ${number}" }\nlon = ${lon.toFixed(5)}\nlat = ${lat.toFixed(5)}\nlink = "cellular"\n` +
      `[[station.channel]]\nproperty = "${property}"\nunit = "${unit}"\ninterval = "600s"\nmin = ${min}\nmax = ${max}\n`;
  });
  cpSync(join(ROOT, 'config/quality.toml'), join(folder, 'quality.toml'));
  writeFileSync(join(folder, 'stations/measured.toml'), text.join('\n'));
}

async function freePort() {
  const server = createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

async function start(folder) {
  const [http, mqtt] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const data = join(folder, 'data');
  const config = join(folder, 'saola.toml');
  writeFileSync(config, `data_dir = ${JSON.stringify(data)}\nprovince_dir = ${JSON.stringify(join(folder, 'province'))}\nlog = "warn"\n[http]\nlisten = "${http}"\n[mqtt.edge]\nenabled = true\nlisten = "${mqtt}"\n` +
    `[mqtt.edge.limits]\npackets_per_second = 1000000\n[[mqtt.edge.account]]\nname = "${ACCOUNT.name}"\npassword_hash = "${HASH}"\npublish = ["saola/v1/#"]\n`);
  chmodSync(config, 0o600);
  const added = spawnSync(BIN, ['user', 'add', USER, '--role', 'operator', '--data', data], { encoding: 'utf8' });
  const password = added.stdout.match(/password (\S+)/)?.[1];
  if (!password) throw new Error(`no account: ${added.stdout}${added.stderr}`);
  const begun = Date.now();
  const child = spawn(BIN, ['run', '--config', config], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((ready, reject) => {
    child.stdout.on('data', (bytes) => String(bytes).includes('pages and API') && ready());
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
  said(`the server listens after ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  return { http: `http://${http}`, mqtt, password, pid: child.pid, stop: () => new Promise((ended) => child.removeAllListeners('exit').once('exit', ended) && child.kill()) };
}

function message(number) {
  const [, property, , , max] = kindOf(number);
  const alerted = property === 'pm2_5' && number < ALERTED * KINDS.length;
  return { topic: `saola/v1/${idOf(number)}`, payload: { [property]: alerted ? max - 100 - Math.random() : Math.round(Math.random() * 200) / 10 } };
}

/** Every station once, and then so many a second in turn. */
async function publishing(server, stations, rate) {
  const sender = device(server.mqtt, ACCOUNT, 2000);
  const begun = Date.now();
  const first = [];
  // The sender sends when it has room: what is asked meanwhile would all wait in memory.
  for (let number = 0; number < stations; number += 1) {
    first.push(sender.send(message(number)));
    if (first.length === 2000) await Promise.all(first.splice(0));
  }
  await Promise.all(first);
  said(`${stations} stations reported once in ${((Date.now() - begun) / 1000).toFixed(1)} s`);
  let next = 0;
  let failed = null;
  let sent = 0;
  const STEP_MS = 50;
  const since = Date.now();
  const timer = setInterval(() => {
    const due = Math.floor(((Date.now() - since) / 1000) * rate);
    for (; sent < due; sent += 1) {
      sender.send(message(next)).catch((error) => (failed = error));
      next = (next + 1) % stations;
    }
    if (failed) throw new Error(`after ${sent} messages`, { cause: failed });
  }, STEP_MS);
  return { stop: () => (clearInterval(timer), sender.stop()) };
}

/** Runs what is given with a server of so many stations, of which `rate` a second report. */
export async function withProvince({ stations, rate }, run) {
  if (!existsSync(BIN)) throw new Error(`${BIN} is not there: cargo build --release --bin saola`);
  const folder = mkdtempSync(join(tmpdir(), 'saola-many-'));
  let server;
  let sender;
  try {
    province(join(folder, 'province'), stations);
    server = await start(folder);
    sender = await publishing(server, stations, rate);
    return await run(server);
  } finally {
    sender?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
  }
}
