// The operations page where stations are grouped, as it is by itself where there are too many of them: here because somebody
// wants it so, on a map of few.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cuttableLine } from './server.mjs';
import { carries, eventually, idle, NEWS_MS, operations, recordedSince, serious, shot, stage } from './story.mjs';

let server;
let browser;
let land;

stage((it) => ({ server, browser, land } = it));

/** The page in groups; `map` as for every story. */
async function grouped(http, how = {}) {
  const opened = await operations(browser, http, { ...how, hash: '' });
  await opened.page.evaluate(() => localStorage.setItem('saola.grouping', 'always'));
  await opened.page.reload();
  await opened.page.waitForSelector('[data-tab="alerts"]', { state: 'attached' });
  return opened;
}

/**
 * Stands between the page and its tiles: {hold(), pass(), refuse()} for those asked for from then on; what is held goes on
 * with `pass`. Those of a past moment are of now.
 */
async function tileGate(page) {
  let way = 'pass';
  let held = [];
  await page.route('**/tiles/stations/**', async (route) => {
    if (way === 'hold') await new Promise((resolve) => held.push(resolve));
    if (way === 'refuse') return route.fulfill({ status: 500 }).catch(() => undefined);
    const url = new URL(route.request().url());
    url.searchParams.delete('at');
    const response = await route.fetch({ url: url.href }).catch(() => null);
    // Somebody who steps on gives up what is under way.
    return response && route.fulfill({ response }).catch(() => undefined);
  });
  const turn = (to) => () => {
    way = to;
    for (const go of held.splice(0)) go();
  };
  return { hold: () => void (way = 'hold'), pass: turn('pass'), refuse: turn('refuse') };
}

const numbers = (text) => text.split(',').map(Number);

/** What is painted around a place of the map, which is the greatest disc's if none is named. */
async function painted(page, at) {
  const [x, y] = at ?? numbers(await page.locator('[data-cluster-at]').first().getAttribute('data-cluster-at'));
  const map = await page.locator('.map').boundingBox();
  return page.screenshot({ clip: { x: map.x + x - 40, y: map.y + y - 40, width: 80, height: 80 } });
}

/** The share of a picture's pixels that look unlike another picture's; without one, unlike its own first. */
const unlike = (page, picture, other = null) =>
  page.evaluate(async (sources) => {
    const [one, two] = await Promise.all(sources.map(async (source) => {
      const image = new Image();
      image.src = `data:image/png;base64,${source}`;
      await image.decode();
      const context = Object.assign(document.createElement('canvas'), { width: image.width, height: image.height }).getContext('2d');
      context.drawImage(image, 0, 0);
      return context.getImageData(0, 0, image.width, image.height).data;
    }));
    const far = (at) => [0, 1, 2].some((part) => Math.abs(one[at + part] - (two ? two[at + part] : one[part])) > 40);
    return Array.from({ length: one.length / 4 }, (_, place) => place * 4).filter(far).length / (one.length / 4);
  }, [picture, other].filter((one) => one !== null).map((one) => one.toString('base64')));

/** Where a station is on the map when it has been enlarged so often; nothing is open then. */
async function approach(page, id, times) {
  await page.evaluate((name) => (location.hash = `#/station/${name}`), id);
  await page.waitForSelector(`[data-open-station="${id}"] [data-channel]`, { timeout: NEWS_MS });
  await page.waitForSelector('[data-selected-at*=","]', { state: 'attached' });
  for (let turn = 0; turn < times; turn += 1) {
    await idle(page);
    await page.click('.buttons button:first-child');
    await page.waitForSelector('[data-map-state="moving"]', { state: 'attached' });
  }
  await idle(page);
  const at = numbers(await page.getAttribute('[data-selected-at]', 'data-selected-at'));
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-open-station]', { state: 'detached' });
  await idle(page);
  return at;
}

const counted = (page) => page.locator('[data-cluster]').evaluateAll((discs) => discs.map((disc) => Number(disc.dataset.cluster)));
const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

test('discs say how many, worst and least fresh, and a key enlarges them', async () => {
  const { page, complaints, close } = await grouped(server.http, { map: true });
  await idle(page);
  const all = await land.stations();
  const discs = await eventually('discs are drawn', async () => ((await counted(page)).length > 0 ? counted(page) : null));
  assert.ok(discs.every((count) => count > 1) && sum(discs) <= all.length, String(discs));
  assert.equal(sum(await page.locator('[data-count] b').evaluateAll((counts) => counts.map((count) => Number(count.textContent)))), all.length);
  assert.ok(await page.locator('[data-legend="groups"], .legend .open').count() > 0);

  // One stop of the tab key; arrows go on; Enter enlarges, and the group falls apart.
  assert.equal(await page.locator('[data-cluster][tabindex="0"]').count(), 1);
  const first = page.locator('[data-cluster][tabindex="0"]');
  await first.focus();
  assert.match(await first.innerText(), /\d+ trạm, kém nhất: .+Phóng to/);
  if (discs.length > 1) {
    await page.keyboard.press('ArrowRight');
    assert.equal(await page.evaluate(() => [...document.querySelectorAll('[data-cluster]')].indexOf(document.activeElement)), 1);
    await page.keyboard.press('ArrowLeft');
  }
  await page.keyboard.press('Enter');
  await eventually('the greatest group has fallen apart', async () => {
    const now = await counted(page);
    return (await page.locator('[data-map-state="idle"]').count()) > 0 && Math.max(0, ...now) < Math.max(...discs);
  });
  await shot(page, 'groups-laptop');
  assert.deepEqual(await serious(page), []);
  assert.deepEqual(complaints, []);
  await close();
});

test('a kind chosen narrows counts, list and groups, and the whole is still told', async () => {
  const { page, complaints, close } = await grouped(server.http);
  const all = await land.stations();
  const ofAir = all.filter((feature) => feature.properties.kind === 'air').length;
  await page.click('[data-kind="air"]');
  await page.waitForSelector(`[data-filtered="${ofAir}"]`);
  await page.click('[data-tab="stations"]');
  await page.waitForSelector(`[data-list="stations"][data-total="${ofAir}"]`);
  assert.equal(await page.locator('[data-row]').count(), ofAir);
  assert.equal(sum(await page.locator('[data-count] b').evaluateAll((counts) => counts.map((count) => Number(count.textContent)))), all.length);
  assert.deepEqual(complaints, []);
  await close();
});

test('a station is found by the server, and what it says reaches its panel', async () => {
  const { page, complaints, close } = await grouped(server.http);
  const all = await land.stations();
  const target = all.find((feature) => carries(feature, 'air_temperature') && feature.properties.freshness !== 'maintenance');
  await page.click('[data-tab="stations"]');
  await page.waitForSelector(`[data-list="stations"][data-total="${all.length}"]`);
  await page.fill('.stations input[type="search"]', target.id.toLowerCase());
  await page.waitForSelector(`[data-list="stations"] [data-station="${target.id}"]`);
  await page.waitForFunction((total) => Number(document.querySelector('[data-list="stations"]').dataset.total) < total, all.length);
  await page.click(`[data-list="stations"] [data-station="${target.id}"]`);
  await page.waitForSelector(`[data-open-station="${target.id}"] [data-channel="air_temperature"]`);
  await server.tell(target.id, [{ time: new Date().toISOString(), property: 'air_temperature', value: 27.6 }]);
  await page.waitForSelector('[data-channel="air_temperature"] [data-value="27.6"]', { timeout: NEWS_MS });
  assert.deepEqual(complaints, []);
  await close();
});

test('a broken line is told, and everything is asked again when it is mended', async () => {
  const line = await cuttableLine(server.http);
  const { page, close } = await grouped(line.http);
  await page.waitForSelector('[data-connection="good"], [data-connection="intake-late"], [data-connection="unheard"]');
  line.cut();
  await page.waitForSelector('[data-banner="broken"]');
  assert.equal(await page.locator('.bar.past').count(), 1, 'counts are said to be of then');
  line.mend();
  await page.waitForSelector('[data-banner="broken"]', { state: 'detached' });
  const all = await land.stations();
  await page.click('[data-tab="stations"]');
  await page.waitForSelector(`[data-list="stations"][data-total="${all.length}"]`);
  await close();
  await line.stop();
});

test('whoever wants groups no more has every station again', async () => {
  const { page, complaints, close } = await grouped(server.http);
  const all = await land.stations();
  await page.click('[data-tab="stations"]');
  await page.waitForSelector(`[data-list="stations"][data-total="${all.length}"]`);
  if ((await page.locator('[data-switch="grouping"]').count()) === 0) await page.click('.legend .open');
  assert.ok(await page.locator('[data-switch="grouping"]').isChecked());
  await page.uncheck('[data-switch="grouping"]');
  await page.waitForSelector('[data-legend="groups"]', { state: 'detached' });
  await eventually('every station is listed', async () => (await page.locator('[data-row]').count()) === Math.min(250, all.length));
  assert.deepEqual(complaints, []);
  await close();
});

test('of a past moment nothing of the present is told, and without groups its stations are there', async () => {
  const { page, complaints, close } = await grouped(server.http);
  const all = await land.stations();
  await page.click('[data-tab="stations"]');
  await page.waitForSelector(`[data-list="stations"][data-total="${all.length}"]`);
  assert.ok((await page.locator('[data-row]').count()) > 0);
  await recordedSince(page, Date.now() - 3 * 86_400_000);
  await page.route('**/api/v1/layers/stations?at=*', async (route) => {
    const answer = await route.fetch({ url: `${server.http}/api/v1/layers/stations` });
    return route.fulfill({ response: answer });
  });
  await page.keyboard.press('r');
  await page.click('[data-step="5"]');
  await page.keyboard.press(',');
  await page.waitForSelector('[data-past]', { timeout: NEWS_MS });
  const moment = await page.getAttribute('.room', 'data-past');
  await page.waitForSelector('[data-list="stations"][data-total="0"]', { state: 'attached' });
  assert.equal(await page.locator('[data-row]').count(), 0);
  assert.deepEqual([...new Set(await page.locator('[data-count] b').allInnerTexts())], ['–']);
  assert.equal(await page.locator('[data-tab="stations"] .count').count(), 0);

  if ((await page.locator('[data-switch="grouping"]').count()) === 0) await page.click('.legend .open');
  await page.uncheck('[data-switch="grouping"]');
  await page.waitForSelector(`[data-past="${moment}"] [data-row]`, { timeout: NEWS_MS });
  await eventually('the stations of that moment are counted', async () => sum((await page.locator('[data-count] b').allInnerTexts()).map(Number)) === all.length);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  assert.deepEqual(complaints, []);
  await close();
});

test('at a step of time the groups stay until those of the new moment are in, and what cannot be had is told', async () => {
  const { page, close } = await grouped(server.http, { map: true, language: 'en' });
  await recordedSince(page, Date.now() - 3 * 86_400_000);
  const tiles = await tileGate(page);
  await idle(page);
  await page.keyboard.press('r');
  await page.click('[data-step="5"]');
  await page.waitForSelector('[data-tiles-of="now"]', { state: 'attached' });
  await idle(page);
  const before = await painted(page);
  // What the page says it shows, and of when the tiles are, whenever one of them changes.
  await page.evaluate(() => {
    const [room, map] = [document.querySelector('.room'), document.querySelector('[data-tiles-of]')];
    globalThis.pairs = [];
    const look = () => globalThis.pairs.push([room.dataset.past ?? 'now', map.dataset.tilesOf]);
    for (const [node, attribute] of [[room, 'data-past'], [map, 'data-tiles-of']]) new MutationObserver(look).observe(node, { attributeFilter: [attribute] });
  });

  tiles.hold();
  const asked = page.waitForRequest((request) => /\/tiles\/stations\/.*[?&]at=/.test(request.url()));
  await page.keyboard.press(',');
  await asked;
  const wanted = Number(await page.getAttribute('[data-wanted]', 'data-wanted'));
  assert.equal(await page.locator('.room[data-past]').count(), 0, 'the present is shown until all of the past is there');
  // A disc that is gone or dim changes twice as much.
  assert.ok((await unlike(page, before, await painted(page))) < (await unlike(page, before)) / 2, 'and its groups are');
  tiles.pass();
  await page.waitForSelector(`.room[data-past="${wanted}"]`, { timeout: NEWS_MS });
  await page.waitForSelector(`[data-tiles-of="${wanted}"]`, { state: 'attached' });

  // The next step waits, and one more takes its place.
  await idle(page);
  tiles.hold();
  const [first, second] = [wanted - 5 * 60_000, wanted - 10 * 60_000];
  for (const moment of [first, second]) {
    const next = page.waitForRequest((request) => Date.parse(new URL(request.url()).searchParams.get('at')) === moment && request.url().includes('/tiles/'));
    await page.keyboard.press(',');
    await next;
  }
  tiles.pass();
  await page.waitForSelector(`.room[data-past="${second}"]`, { timeout: NEWS_MS });
  assert.deepEqual(await page.evaluate(() => globalThis.pairs), [[String(wanted), String(wanted)], [String(second), String(second)]].flatMap((pair) => [pair, pair]), 'nothing is ever of two moments');

  // Tiles that cannot be had are told; the moment before stays, and so does its banner.
  await idle(page);
  const then = await painted(page);
  tiles.refuse();
  await page.keyboard.press(',');
  await page.waitForSelector('[data-past-failure="unmapped"]', { timeout: NEWS_MS });
  assert.match(await page.locator('[data-past-failure]').innerText(), /could not load its stations \(HTTP 500\).*Still shown/);
  assert.equal(await page.getAttribute('.room', 'data-past'), String(second));
  // The word above the map has moved it, so that no pixel need be the same.
  const ink = await unlike(page, then);
  await eventually('its groups are there as before', async () => Math.abs((await unlike(page, await painted(page))) - ink) < ink / 2);

  // Back to now at once: alerts must not wait. The map says of when it still is.
  tiles.hold();
  await page.keyboard.press('n');
  await page.waitForSelector('.room:not([data-past])');
  assert.match(await page.locator('[data-tiles="behind"]').innerText(), /still shows the stations of/);
  assert.deepEqual(await serious(page), []);
  tiles.pass();
  await page.waitForSelector('[data-tiles]', { state: 'detached', timeout: NEWS_MS });
  await page.waitForSelector('[data-tiles-of="now"]', { state: 'attached' });
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await close();
});

test('at a change of the filter the groups stay and are told to be those of before, until the chosen ones are in', async () => {
  const { page, close } = await grouped(server.http, { map: true });
  const tiles = await tileGate(page);
  await idle(page);
  const discs = await counted(page);
  tiles.refuse();
  await page.click('[data-kind="air"]');
  await page.waitForSelector('[data-tiles="behind"]');
  await eventually('the page says that the chosen ones cannot be had', async () => /chọn trước đó.*thử lại/.test(await page.locator('[data-tiles="behind"]').innerText()));
  assert.deepEqual(await counted(page), discs);
  assert.deepEqual(await serious(page), []);
  // Tried again by itself.
  tiles.pass();
  await page.waitForSelector('[data-tiles]', { state: 'detached', timeout: NEWS_MS });
  await eventually('the chosen ones are drawn', async () => String(await counted(page)) !== String(discs));
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  await close();
});

test('close up a single station has its value beside it, and another one when that changes', async () => {
  const all = await land.stations();
  const before = ['pm2_5', 'vehicle_speed', 'water_level', 'water_flow', 'camera_fire_score'];
  const isFar = (one, other) => one === other || Math.hypot(one.geometry.coordinates[0] - other.geometry.coordinates[0], one.geometry.coordinates[1] - other.geometry.coordinates[1]) > 0.01;
  const target = (await land.calm('air_temperature')).find((feature) => !before.some((property) => carries(feature, property)) && all.every((other) => isFar(all.find(({ id }) => id === feature.id), other)));
  assert.ok(target, 'no station speaks by its temperature and stands alone');
  const tell = (value) => server.tell(target.id, [{ time: new Date().toISOString(), property: 'air_temperature', value }]);
  await tell(21.5);
  const { page, complaints, close } = await grouped(server.http, { map: true });
  await idle(page);
  const at = await approach(page, target.id, 3);
  const first = await painted(page, at);
  await tell(28.4);
  const second = await eventually('the value beside the station is another', async () => {
    const now = await painted(page, at);
    return now.equals(first) ? null : now;
  });
  assert.ok(!second.equals(first));
  await shot(page, 'groups-values');
  assert.deepEqual(complaints, []);
  await close();
});

test('of several stations at one place in the past one is chosen, and told as it was', async () => {
  const all = await land.stations();
  const beside = (one) => all.find((other) => other.id !== one.id && Math.abs(one.geometry.coordinates[0] - other.geometry.coordinates[0]) < 0.0015 && Math.abs(one.geometry.coordinates[1] - other.geometry.coordinates[1]) < 0.0015);
  const one = all.find((feature) => beside(feature));
  const other = beside(one);
  assert.ok(other, 'no two stations stand at one place');
  const { page, complaints, close } = await grouped(server.http, { map: true });
  await recordedSince(page, Date.now() - 3 * 86_400_000);
  await tileGate(page);
  const askedOf = [];
  await page.route('**/api/v1/layers/stations?at=*', async (route) => {
    const url = new URL(route.request().url());
    askedOf.push(url.searchParams.get('at'));
    url.searchParams.delete('at');
    return route.fulfill({ response: await route.fetch({ url: url.href }) });
  });
  await idle(page);
  const [x, y] = await approach(page, one.id, 1);
  await page.keyboard.press('r');
  await page.click('[data-step="5"]');
  await page.keyboard.press(',');
  await page.waitForSelector('[data-past]', { timeout: NEWS_MS });
  await idle(page);
  const map = await page.locator('.map').boundingBox();
  await page.mouse.move(map.x + x, map.y + y);
  await page.waitForSelector('.tip');
  await page.mouse.click(map.x + x, map.y + y);
  const chooser = page.locator('.chooser');
  await chooser.waitFor();
  const listed = await chooser.locator('li').allInnerTexts();
  for (const { properties } of [one, other]) assert.ok(listed.some((text) => text.includes(properties.name.vi)), `${properties.name.vi} is in ${listed.join(', ')}`);
  assert.deepEqual(await serious(page), []);
  await shot(page, 'groups-past-chooser');
  await chooser.getByText(other.properties.name.vi).click();
  // Its values are of then, asked for by itself; and so at the next step.
  await page.waitForSelector(`[data-open-station="${other.id}"] [data-channel]`, { timeout: NEWS_MS });
  const moment = Number(await page.getAttribute('.room', 'data-past'));
  assert.deepEqual([...new Set(askedOf)].map(Date.parse), [moment]);
  await page.keyboard.press(',');
  await page.waitForSelector(`[data-past="${moment - 5 * 60_000}"]`, { timeout: NEWS_MS });
  await page.waitForSelector(`[data-open-station="${other.id}"] [data-channel]`);
  assert.deepEqual([...new Set(askedOf)].map(Date.parse), [moment, moment - 5 * 60_000]);
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  assert.deepEqual(complaints, []);
  await close();
});
