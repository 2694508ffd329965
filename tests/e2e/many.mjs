// The operations page over a province of 100,000 stations of which 200 a second report: how soon its map is useful, how it
// pans and zooms beside the same page with an empty map, and what memory it takes over time. Beside both a page with nothing
// but a MapLibre map of one colour, always sharp. Prints a table; asserts no time.
//
//   node many.mjs [--stations 100000] [--rate 200] [--minutes 3] [--rounds 2] [--keep FOLDER]
//
// SAOLA_BIN names the binary; target/release/saola otherwise.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { launchAsIs, open } from './browser.mjs';
import { printTable, ROOT, said, USER, withProvince } from './load.mjs';

const SIZE = { width: 1920, height: 1080 };
const PATIENCE_MS = 120_000;
const BROWSER_MS = 4000;

const { values: options } = parseArgs({
  options: {
    stations: { type: 'string', default: '100000' },
    rate: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '2' },
    keep: { type: 'string' },
  },
});
const [STATIONS, RATE, MINUTES, ROUNDS] = [options.stations, options.rate, options.minutes, options.rounds].map(Number);

/** A browser that has come to rest: its own beginning is not what is measured. */
async function rested() {
  const browser = await launchAsIs();
  await pause(BROWSER_MS);
  return browser;
}

/** A page that is signed in; `empty` gives it tiles without anything. */
async function visit(browser, server, { empty = false } = {}) {
  const opened = await open(browser, SIZE);
  const { page } = opened;
  const signed = await page.context().request.post(`${server.http}/api/v1/session`, { data: { name: USER, password: server.password }, headers: { origin: server.http } });
  if (!signed.ok()) throw new Error(`not signed in: ${await signed.text()}`);
  if (empty) await page.route('**/tiles/stations/**', (route) => route.fulfill({ status: 204 }));
  if (empty) await page.route('**/api/v1/layers/stations', (route) => route.fulfill({ json: { type: 'FeatureCollection', features: [] } }));
  if (empty) {
    // Where stations are few enough for the page, changes would fill the map again.
    await page.addInitScript(() => {
      const listen = EventSource.prototype.addEventListener;
      EventSource.prototype.addEventListener = function addEventListener(name, ...rest) {
        if (name !== 'change') listen.call(this, name, ...rest);
      };
    });
  }
  await page.addInitScript(() => {
    const look = () => {
      if (document.querySelector('[data-map-state="idle"]')) globalThis.usefulAt = performance.now();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
  await page.goto(`${server.http}/`);
  try {
    await page.waitForFunction(() => globalThis.usefulAt !== undefined, undefined, { timeout: PATIENCE_MS });
  } catch (cause) {
    if (options.keep) await page.screenshot({ path: join(options.keep, 'many-never.png') });
    throw new Error(`the map does not come to rest; ${opened.complaints.slice(0, 3).join('; ')}`, { cause });
  }
  return { ...opened, usefulMs: await page.evaluate(() => globalThis.usefulAt) };
}

/** A page with a map of one colour. */
async function visitBare(browser, server) {
  const opened = await open(browser, SIZE);
  const { page } = opened;
  const script = `import { Map, setWorkerUrl } from '/bare/maplibre-gl.mjs';
    setWorkerUrl('/bare/maplibre-gl-worker.mjs');
    const style = { version: 8, sources: {}, layers: [{ id: 'ground', type: 'background', paint: { 'background-color': '#0a1116' } }] };
    new Map({ container: 'map', style, center: [103.1, 22.25], zoom: 8 }).once('idle', () => (globalThis.usefulAt = performance.now()));`;
  const body = `<!doctype html><link rel="icon" href="data:,"><link rel="stylesheet" href="/bare/maplibre-gl.css"><body style="margin:0"><div id="map" style="height:100vh"></div><script type="module">${script}</script>`;
  const types = { mjs: 'text/javascript', css: 'text/css' };
  await page.route('**/bare/*', (route) => {
    const name = new URL(route.request().url()).pathname.slice('/bare/'.length);
    if (name === '') return route.fulfill({ body, contentType: 'text/html' });
    return route.fulfill({ body: readFileSync(join(ROOT, 'dashboards/web/node_modules/maplibre-gl/dist', name)), contentType: types[name.split('.').at(-1)] });
  });
  await page.goto(`${server.http}/bare/`);
  await page.waitForFunction(() => globalThis.usefulAt !== undefined, undefined, { timeout: PATIENCE_MS });
  return { ...opened, usefulMs: await page.evaluate(() => globalThis.usefulAt) };
}

/** Drags and turns the wheel as a person would; the page's frames while a hand moves the map, and what each rest cost. */
async function moves(page) {
  const [x, y] = [1150, 600];
  await page.mouse.move(x, y);
  await page.evaluate(() => {
    // A turn of the wheel goes on for that long.
    const WHEEL_MS = 250;
    let isDown = false;
    let turnedAt = -Infinity;
    addEventListener('mousedown', () => (isDown = true), true);
    addEventListener('mouseup', () => (isDown = false), true);
    addEventListener('wheel', () => (turnedAt = performance.now()), true);
    globalThis.gaps = [];
    let last = null;
    const tick = (at) => {
      const isMoved = isDown || at - turnedAt < WHEEL_MS;
      if (last !== null) globalThis.gaps.push({ gap: at - last.at, isMoved: isMoved && last.isMoved });
      last = { at, isMoved };
      globalThis.ticking = requestAnimationFrame(tick);
    };
    globalThis.ticking = requestAnimationFrame(tick);
  });
  // A hand does not wait for a page that is slow: nothing is waited for before the end.
  const done = [];
  const drag = async (dx, dy) => {
    done.push(page.mouse.move(x, y), page.mouse.down());
    for (let step = 1; step <= 40; step += 1) {
      done.push(page.mouse.move(x + (dx * step) / 40, y + (dy * step) / 40));
      await pause(16);
    }
    done.push(page.mouse.up());
    await pause(400);
  };
  const wheel = async (turns, way) => {
    done.push(page.mouse.move(x, y));
    for (let turn = 0; turn < turns; turn += 1) {
      done.push(page.mouse.wheel(0, way * 100));
      await pause(60);
    }
    await pause(500);
  };
  for (let round = 0; round < 2; round += 1) {
    await drag(-350, 120);
    await drag(350, -120);
    await wheel(8, -1);
    await drag(-300, -150);
    await wheel(8, -1);
    await drag(300, 150);
    await wheel(16, 1);
  }
  await Promise.all(done);
  const all = await page.evaluate(() => {
    cancelAnimationFrame(globalThis.ticking);
    return globalThis.gaps;
  });
  const ofMoves = all.filter(({ isMoved }) => isMoved).map(({ gap }) => gap).sort((a, b) => a - b);
  const total = ofMoves.reduce((sum, gap) => sum + gap, 0);
  return { fps: (ofMoves.length * 1000) / total, p95: ofMoves[Math.floor(ofMoves.length * 0.95)], worst: Math.max(...all.map(({ gap }) => gap)) };
}

const MIB = 1024 * 1024;
function residentMib(pid) {
  const line = readFileSync(`/proc/${pid}/status`, 'utf8').match(/^VmRSS:\s+(\d+) kB/m);
  return Number(line[1]) / 1024;
}

async function memory(browser, page) {
  const own = await page.context().newCDPSession(page);
  await own.send('Performance.enable');
  const whole = await browser.newBrowserCDPSession();
  const renderers = async () => (await whole.send('SystemInfo.getProcessInfo')).processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  return async () => {
    await own.send('HeapProfiler.collectGarbage');
    const { metrics } = await own.send('Performance.getMetrics');
    const heap = metrics.find(({ name }) => name === 'JSHeapUsedSize').value / MIB;
    return { heap, resident: Math.max(...(await renderers()).map(residentMib)) };
  };
}

const mean = (numbers) => numbers.reduce((sum, one) => sum + one, 0) / numbers.length;
const round = (number, digits = 1) => number.toFixed(digits);

async function measure(server) {
  const rows = [];
  const row = (what, ...cells) => rows.push([what, ...cells]);
  const kept = { bare: [], empty: [], full: [] };
  for (let turn = 0; turn < ROUNDS; turn += 1) {
    for (const which of ['bare', 'empty', 'full']) {
      const browser = await rested();
      try {
        const { page, usefulMs, complaints } = await (which === 'bare' ? visitBare(browser, server) : visit(browser, server, { empty: which === 'empty' }));
        await pause(2000);
        kept[which].push({ usefulMs, ...(await moves(page)) });
        said(`${which}: ${JSON.stringify(kept[which].at(-1))}`);
        // Chromium says of every map without a card that its pixels are fetched.
        const own = complaints.filter((line) => !line.includes('GPU stall due to ReadPixels'));
        if (own.length > 0) said(`the page complains: ${own.slice(0, 3).join('; ')}`);
        if (which === 'full' && options.keep) await page.screenshot({ path: join(options.keep, `many-${turn}.png`) });
      } finally {
        await browser.close();
      }
    }
  }
  const of = (which, what) => mean(kept[which].map((one) => one[what]));
  const both = (name, what, digits) => row(name, ...['bare', 'empty', 'full'].map((which) => round(of(which, what), digits)), round(of('full', what) / of('empty', what), 2));
  both('until the map is drawn, ms', 'usefulMs', 0);
  both('frames a second, panning and zooming', 'fps', 1);
  both('a frame, p95, ms', 'p95', 0);
  both('the longest frame, ms', 'worst', 0);

  const browser = await rested();
  try {
    const { page } = await visit(browser, server);
    await moves(page);
    const look = await memory(browser, page);
    const looked = [await look()];
    const begun = Date.now();
    for (let minute = 1; minute <= MINUTES; minute += 1) {
      await pause(Math.max(0, begun + minute * 60_000 - Date.now()));
      looked.push(await look());
      said(`minute ${minute}: heap ${round(looked.at(-1).heap)} MiB, renderer ${round(looked.at(-1).resident, 0)} MiB, server ${round(residentMib(server.pid), 0)} MiB`);
    }
    const [first, last] = [looked[0], looked.at(-1)];
    row(`heap after collection, at the start and after ${MINUTES} min, MiB`, '', round(first.heap), round(last.heap), round(last.heap / first.heap, 2));
    row(`renderer's memory, the same, MiB`, '', round(first.resident, 0), round(last.resident, 0), round(last.resident / first.resident, 2));
  } finally {
    await browser.close();
  }
  return rows;
}

const rows = await withProvince({ stations: STATIONS, rate: RATE }, measure);
printTable(`${STATIONS} stations, ${RATE} readings a second, ${SIZE.width} x ${SIZE.height}, drawn in software, ${ROUNDS} rounds`, ['bare', 'empty', 'full', 'ratio'], rows);
