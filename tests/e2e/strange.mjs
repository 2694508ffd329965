// How long the server of a province of 100,000 stations takes for what nobody should ask: tiles that cannot be, boxes that
// are none or lie over the antimeridian, moments before anything was recorded. Prints a table; asserts no time.
//
//   node strange.mjs [--stations 100000] [--rate 200] [--times 200]
//
// Each is asked so many times, one after the other, each time in other words where an answer could be kept; in a thread of its
// own, for the stations report from this one. SAOLA_BIN names the binary; target/release/saola otherwise.
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { printTable, USER, withProvince } from './load.mjs';

const { values: options } = parseArgs({
  options: { stations: { type: 'string', default: '100000' }, rate: { type: 'string', default: '200' }, times: { type: 'string', default: '200' } },
});
const [stations, rate, times] = [options.stations, options.rate, options.times].map(Number);

/** Another moment for every turn, years before the first reading. */
const before = (turn) => new Date(Date.UTC(2001, 0, 1, 0, turn)).toISOString();
const ITEMS = '/ogc/collections/stations/items';
const LAYER = '/api/v1/layers/stations';
const ASKED = {
  'how the server is, for comparison': () => '/healthz',
  'a tile of zoom 99': () => '/tiles/stations/99/0/0',
  'a tile left of the first': () => '/tiles/stations/5/-1/0',
  'a tile right of the last': (turn) => `/tiles/stations/5/${32 + turn}/0`,
  'a tile of no number': () => '/tiles/stations/5/abc/0',
  'a tile beyond all numbers': () => '/tiles/stations/14/99999999999999999999/0',
  'a tile of no layer': () => '/tiles/nothing/5/1/1',
  'a tile of no points': () => '/tiles/stations/5/25/14?points=0',
  'a tile on the other side of the Earth': (turn) => `/tiles/stations/8/${turn % 100}/30`,
  'a tile before the first sample': (turn) => `/tiles/stations/8/201/112?at=${before(turn)}`,
  'a tile of the future': () => '/tiles/stations/8/201/112?at=9999-01-01T00:00:00Z',
  'a tile of no moment': () => '/tiles/stations/8/201/112?at=soon',
  'items over the antimeridian': (turn) => `${ITEMS}?bbox=170,-10,${-170 - turn / 1000},10`,
  'items of an empty box': (turn) => `${ITEMS}?bbox=${103 + turn / 1e4},22,${103 + turn / 1e4},22`,
  'items of an inverted box': () => `${ITEMS}?bbox=103,23,104,22`,
  'items of half a box': () => `${ITEMS}?bbox=1,2,3`,
  'items of a box of no numbers': () => `${ITEMS}?bbox=NaN,0,1,1`,
  'items of a box beyond the Earth': () => `${ITEMS}?bbox=-1e300,-1e300,1e300,1e300`,
  'items, none of them': () => `${ITEMS}?limit=0`,
  'items of an inverted interval': () => `${ITEMS}?datetime=2030-01-01T00:00:00Z/2001-01-01T00:00:00Z`,
  'a layer over the antimeridian': (turn) => `${LAYER}?bbox=170,-10,${-170 - turn / 1000},10`,
  'a layer of an empty box': (turn) => `${LAYER}?bbox=${103 + turn / 1e4},22,${103 + turn / 1e4},22`,
  'a layer of an inverted box': () => `${LAYER}?bbox=103,23,104,22`,
  'a layer before the first sample': (turn) => `${LAYER}?at=${before(1000 + turn)}`,
  'alerts before the first sample': (turn) => `/api/v1/alerts?at=${before(2000 + turn)}`,
};

async function measure(server) {
  const session = await fetch(`${server.http}/api/v1/session`, {
    method: 'POST',
    headers: { origin: server.http, 'content-type': 'application/json' },
    body: JSON.stringify({ name: USER, password: server.password }),
  });
  if (!session.ok) throw new Error(`not signed in: ${await session.text()}`);
  const headers = { cookie: session.headers.getSetCookie().map((one) => one.split(';')[0]).join('; ') };
  const rows = [];
  for (const [what, path] of Object.entries(ASKED)) {
    const took = [];
    let status;
    for (let turn = 0; turn < times; turn += 1) {
      const begun = performance.now();
      const answer = await fetch(server.http + path(turn), { headers });
      await answer.arrayBuffer();
      took.push(performance.now() - begun);
      status = answer.status;
    }
    const [first] = took;
    took.sort((a, b) => a - b);
    rows.push([what, String(status), ...[took[Math.floor(times / 2)], took[Math.floor(times * 0.99)], took.at(-1), first].map((ms) => ms.toFixed(2))]);
  }
  return rows;
}

/** The rows, as the other thread gathers them. */
async function elsewhere(server) {
  const { http, password } = server;
  const worker = new Worker(new URL(import.meta.url), { workerData: { http, password }, argv: process.argv.slice(2) });
  const [rows] = await once(worker, 'message');
  return rows;
}

if (isMainThread) {
  const rows = await withProvince({ stations, rate }, elsewhere);
  printTable(`${stations} stations, ${rate} readings a second; each asked ${times} times over HTTP, ms`, ['status', 'p50', 'p99', 'longest', 'first'], rows);
} else {
  parentPort.postMessage(await measure(workerData));
}
