// What the stories have in common: stations to alarm, readings that raise, a page in a language.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch, open } from './browser.mjs';
import { underTest } from './server.mjs';

/**
 * Opens a browser on the server under test before a file's stories, and ends both after them. `begin` is told {server, browser,
 * land}, and may make ready what the stories are about.
 */
export function stage(begin, start = underTest) {
  let server;
  let browser;
  before(async () => {
    [server, browser] = await Promise.all([start(), launch()]);
    await begin({ server, browser, land: province(server) });
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });
}

/** Days of a channel, five minutes apart, in a bundle a day; `value` is null where nothing was observed. */
export function everyFiveMinutes(begin, days, property, value) {
  const bundle = (day) =>
    Array.from({ length: 288 }, (_, place) => ({ time: new Date(begin + day * 86_400_000 + place * 300_000).toISOString(), [property]: value(day, place) }));
  return Array.from({ length: days }, (_, day) => bundle(day).filter((row) => row[property] !== null)).filter((rows) => rows.length > 0);
}

export const SIZES = { wall: { width: 1920, height: 1080 }, laptop: { width: 1366, height: 768 }, phone: { width: 390, height: 844 } };
/** The first drawing in software, on a machine that builds something else meanwhile. */
export const FIRST_IDLE_MS = 90_000;
export const NEWS_MS = 30_000;
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const SHOTS = fileURLToPath(new URL('./shots/', import.meta.url));

/** Keeps a picture of the page as it is, for people to look at. */
export async function shot(page, name) {
  mkdirSync(SHOTS, { recursive: true });
  await page.screenshot({ path: `${SHOTS}${name}.png` });
}

/** What axe-core finds that is serious or worse. Run beside the page: its policy lets no foreign script in. */
export async function serious(page) {
  await page.evaluate(AXE);
  return page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'] });
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.slice(0, 4).map((node) => `${node.target.join(' ')} ${node.any[0]?.message ?? ''}`).join(' | ')}`);
  });
}

/** What an asking comes to once it comes to something. */
export async function eventually(what, ask) {
  for (const end = Date.now() + NEWS_MS; Date.now() < end; await pause(100)) {
    const found = await ask();
    if (found) return found;
  }
  throw new Error(`within ${NEWS_MS / 1000} s it did not come about: ${what}`);
}

export async function idle(page) {
  await page.waitForSelector('[data-map-state="idle"]', { timeout: FIRST_IDLE_MS, state: 'attached' });
}

export const carries = (feature, property) => feature.properties.channels.some((channel) => channel.property === property);

/** Readings of one value over the last `seconds`, so that a rule's hold time is met by in-time data. */
export function held(property, value, seconds) {
  const now = Date.now();
  return [1, 0.75, 0.5, 0.25, 0].map((share) => ({ time: new Date(now - share * seconds * 1000).toISOString(), property, value }));
}

/** As if the record began then: the server under test may have been started a moment ago. */
export async function recordedSince(page, from) {
  await page.route('**/api/v1/layers', async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const layer of body.layers) layer.time_range.from = new Date(from).toISOString();
    return route.fulfill({ response: answer, json: body });
  });
}

/** The server's answers, and what a story does beside the page. */
export function province(server) {
  const json = async (path) => (await fetch(`${server.http}${path}`)).json();
  const stations = async () => (await json('/api/v1/layers/stations')).features;
  const alertPath = (id) => `/api/v1/alerts/${encodeURIComponent(id)}`;
  const openAlerts = async () => (await json('/api/v1/alerts?state=open&limit=1000')).alerts;

  /** Stations of no open alert and with the property, in an order that stays. */
  async function calm(property) {
    const open = new Set((await openAlerts()).map((alert) => alert.station));
    const all = await stations();
    return all.filter((feature) => !open.has(feature.id) && feature.properties.freshness !== 'maintenance' && carries(feature, property) && !feature.id.startsWith('REC-'));
  }

  /** The first open alert of one of the stations, once there is one: about the property, if one is named. */
  async function raised(ids, property) {
    const said = `${ids.join(', ')}: an alert${property === undefined ? '' : ` about ${property}`}`;
    return eventually(said, async () => (await openAlerts()).find((alert) => ids.includes(alert.station) && (property === undefined || alert.property === property)));
  }

  /** Raises an alert of its own and answers with it. */
  async function raise(property = 'camera_fire_score', value = 0.97) {
    const [feature] = await calm(property);
    assert.ok(feature, `no calm station measures ${property}`);
    await server.tell(feature.id, [{ time: new Date().toISOString(), property, value }]);
    return raised([feature.id], property);
  }

  /** Somebody else does something about an alert. */
  async function colleague(id, act, body) {
    const response = await fetch(`${server.http}${alertPath(id)}/${act}`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
    assert.equal(response.status, 200, await response.text());
  }

  return { json, stations, alertPath, openAlerts, calm, raised, raise, colleague };
}

/**
 * The operations page in a language, with its lists ready. Without `map` it stands on a machine that cannot draw one: the
 * rest must work all the same, and a story that is not about the map need not wait for it to be drawn in software.
 */
export async function operations(browser, http, { size = SIZES.laptop, language = 'vi', theme = 'dark', hash = '', map = false, ...context } = {}) {
  const opened = await open(browser, { ...size, reducedMotion: 'reduce', ...context });
  opened.page.setDefaultTimeout(NEWS_MS * 2);
  if (!map) {
    await opened.page.addInitScript(() => {
      const drawn = HTMLCanvasElement.prototype.getContext;
      HTMLCanvasElement.prototype.getContext = function getContext(kind, ...rest) {
        return kind.startsWith('webgl') ? null : drawn.call(this, kind, ...rest);
      };
    });
  }
  await opened.page.addInitScript(([word, look]) => {
    // Once a page: a story may change them.
    if (localStorage.getItem('saola.language') === null) localStorage.setItem('saola.language', word);
    if (localStorage.getItem('saola.theme') === null) localStorage.setItem('saola.theme', look);
  }, [language, theme]);
  await opened.page.goto(`${http}/${hash}`);
  await opened.page.waitForSelector('[data-tab="alerts"], nav.foot', { timeout: FIRST_IDLE_MS, state: 'attached' });
  // The page comes dark and takes its theme when it begins; colours may still be on their way then.
  await opened.page.waitForSelector(`html[data-theme="${theme}"]`, { state: 'attached' });
  await opened.page.evaluate(() => Promise.allSettled(document.getAnimations().filter((one) => one instanceof CSSTransition).map((one) => one.finished)));
  return opened;
}

/** The card of an alert, with its incident unfolded if it is in one: also in one that is only now made. */
export async function card(page, id) {
  const found = page.locator(`#alerts [data-alert="${id}"]`);
  await page.waitForFunction((wanted) => {
    if (document.querySelector(`#alerts [data-alert="${CSS.escape(wanted)}"]`) !== null) return true;
    document.querySelector('#alerts [data-incident] > [aria-expanded="false"]')?.click();
    return false;
  }, id, { timeout: NEWS_MS });
  await found.waitFor({ timeout: NEWS_MS });
  return found;
}
