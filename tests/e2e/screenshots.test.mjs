// The pages as pictures at the sizes of their users, light and dark, beside those that are kept in screenshots/: a change
// in how they look is seen when it is made. SAOLA_BLESS=1 keeps the new pictures instead.
//
// What is compared is coarse: squares of a few pixels, so that a clock's digits and a font's edges do not count, and a part
// that has moved, come, gone or changed its colour does. The pages are of a province of their own, in which little happens.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { open } from './browser.mjs';
import { ownDemo } from './server.mjs';
import { FIRST_IDLE_MS, stage } from './story.mjs';

const KEPT = fileURLToPath(new URL('./screenshots/', import.meta.url));
const SEEN = fileURLToPath(new URL('./shots/', import.meta.url));
const SIZES = { wall: [1920, 1080], uhd: [3840, 2160], phone: [390, 844] };
/** Of a picture's squares, so many may look different. */
const CHANGED_MAX = 0.02;
/** Each page, and what says that it shows what it has. */
const PAGES = {
  operations: { path: '/', ready: ['[data-map-state="idle"]', '#alerts [data-alert]'] },
  field: { path: '/field', ready: ['[data-list="ready"]', 'article[data-alert]'], hasOwnFont: false },
  planner: { path: '/history', ready: ['[data-channel]'] },
  admin: { path: '/admin#stations', ready: ['#section[data-loaded="true"]', '[data-map-state="idle"]'] },
};

/** A page that takes the phone's font is pictured in the other pages' one: machines have different fonts. */
const FONT = ['latin', 'vietnamese'].map((script) => {
  const file = new URL(`../../dashboards/web/node_modules/@fontsource/be-vietnam-pro/files/be-vietnam-pro-${script}-400-normal.woff2`, import.meta.url);
  const range = script === 'latin' ? 'U+0000-00FF, U+2000-206F' : 'U+0102-01B0, U+0300-0323, U+1EA0-1EF9';
  return `@font-face { font-family: Kept; src: url(data:font/woff2;base64,${readFileSync(file, 'base64')}) format('woff2'); unicode-range: ${range}; }`;
});

/** What stations observe on a day on which nothing happens. */
const QUIET = {
  acoustic_score: 0.05, air_pressure: 921, air_temperature: 24.5, battery_voltage: 12.6, camera_fire_score: 0.02, co: 400, dew_point: 17, discharge: 120,
  no2: 18, o3: 40, occupancy: 6, pm10: 42, pm2_5: 21, rainfall: 0, relative_humidity: 72, smoke: 0.01, so2: 9, travel_time: 300, vehicle_flow: 240,
  vehicle_speed: 46, visibility: 9000, water_flow: 1.2, water_level: 2, wind_direction: 140, wind_gust: 3.1, wind_speed: 2.2,
};

/** A report is good for less than two minutes, and on a busy machine the pictures take longer. */
const TOLD_AGAIN_MS = 30_000;

let server;
let browser;
let table;
let reporting;
let alert;
let toldAt;

/** Every station but a few says what it observes: that of the alert what it was raised by. */
async function report() {
  toldAt = Date.now();
  const time = new Date(toldAt).toISOString();
  for (const { id, properties } of reporting) {
    const observed = properties.channels.map(({ property }) => property).filter((property) => property in QUIET);
    const value = (property) => (id === alert?.station && property === alert.property ? alert.value : QUIET[property]);
    await server.hand(id, [{ time, ...Object.fromEntries(observed.map((property) => [property, value(property)])) }]);
  }
}

stage(async (it) => {
  ({ server, browser } = it);
  const { land } = it;
  reporting = (await land.stations()).filter(({ properties }, place) => place % 12 !== 5 && properties.freshness !== 'maintenance');
  await report();
  alert = await land.raise();
  table = await (await browser.newContext()).newPage();
  await Promise.all([KEPT, SEEN].map((folder) => mkdir(folder, { recursive: true })));
}, ownDemo);

async function taken({ path, ready, hasOwnFont = true }, [width, height], theme) {
  if (Date.now() - toldAt > TOLD_AGAIN_MS) await report();
  const { page, complaints, close } = await open(browser, { width, height, reducedMotion: 'reduce', bypassCSP: !hasOwnFont });
  page.setDefaultTimeout(FIRST_IDLE_MS);
  await page.addInitScript((look) => {
    localStorage.setItem('saola.language', 'vi');
    localStorage.setItem('saola.theme', look);
  }, theme);
  await page.goto(`${server.http}${path}`);
  for (const shown of ready) await page.waitForSelector(shown, { state: 'attached' });
  await page.waitForSelector(`html[data-theme="${theme}"]`, { state: 'attached' });
  if (!hasOwnFont) await page.addStyleTag({ content: `${FONT.join('\n')} * { font-family: Kept !important; }` });
  // Asked for by a style that the page has computed only then.
  await page.evaluate(() => (document.body.getBoundingClientRect(), document.fonts.ready));
  const session = await page.context().newCDPSession(page);
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 60 });
  assert.deepEqual(complaints, []);
  await close();
  return Buffer.from(data, 'base64');
}

/** The share of squares, a sixteenth of a phone's width each, that look different; 1 when the sizes do. */
function difference(one, other) {
  return table.evaluate(async (texts) => {
    const images = await Promise.all(texts.map(async (text) => createImageBitmap(await (await fetch(`data:image/webp;base64,${text}`)).blob())));
    const [first, second] = images;
    if (first.width !== second.width || first.height !== second.height) return 1;
    const SIDE = 24;
    const [width, height] = [Math.ceil(first.width / SIDE), Math.ceil(first.height / SIDE)];
    const coarse = images.map((image) => {
      // By halves: a browser that shrinks at once looks at a few pixels of each square only.
      let from = image;
      for (let [w, h] = [image.width, image.height]; w > width * 2; ) {
        [w, h] = [Math.ceil(w / 2), Math.ceil(h / 2)];
        const half = new OffscreenCanvas(w, h);
        half.getContext('2d').drawImage(from, 0, 0, w, h);
        from = half;
      }
      const canvas = new OffscreenCanvas(width, height);
      const pen = canvas.getContext('2d', { willReadFrequently: true });
      pen.drawImage(from, 0, 0, width, height);
      return pen.getImageData(0, 0, width, height).data;
    });
    let changed = 0;
    for (let at = 0; at < coarse[0].length; at += 4) {
      const most = Math.max(...[0, 1, 2].map((part) => Math.abs(coarse[0][at + part] - coarse[1][at + part])));
      if (most > 20) changed += 1;
    }
    return changed / (width * height);
  }, [one, other].map((picture) => picture.toString('base64')));
}

for (const [name, look] of Object.entries(PAGES)) {
  for (const [size, room] of Object.entries(SIZES)) {
    for (const theme of ['dark', 'light']) {
      const file = `${name}-${size}-${theme}.webp`;
      test(`${file} looks as it is kept`, async () => {
        const now = await taken(look, room, theme);
        if (process.env.SAOLA_BLESS) return writeFile(KEPT + file, now);
        const kept = await readFile(KEPT + file).catch(() => assert.fail(`screenshots/${file} is missing: SAOLA_BLESS=1 makes it`));
        const changed = await difference(kept, now);
        if (changed > CHANGED_MAX) await writeFile(SEEN + file, now);
        assert.ok(changed <= CHANGED_MAX, `${(changed * 100).toFixed(1)} % of it changed: compare screenshots/${file} with shots/${file}, and keep the new one by SAOLA_BLESS=1`);
      });
    }
  }
}

test('a page that has changed is told from itself', async () => {
  const before = await taken(PAGES.field, SIZES.phone, 'light');
  assert.ok((await difference(before, before)) === 0);
  assert.ok((await difference(before, await taken(PAGES.field, SIZES.phone, 'dark'))) > 0.5);
  assert.ok((await difference(before, await taken(PAGES.planner, SIZES.phone, 'light'))) > CHANGED_MAX);
  assert.equal(await difference(before, await taken(PAGES.field, SIZES.wall, 'light')), 1);
});
