// The operations page where stations are grouped, as it is by itself where there are too many of them: here because somebody
// wants it so, on a map of few.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cuttableLine } from './server.mjs';
import { carries, eventually, idle, NEWS_MS, operations, serious, shot, stage } from './story.mjs';

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
  // As if the record began long ago: the server under test may have been started a moment ago.
  await page.route('**/api/v1/layers', async (route) => {
    const answer = await route.fetch();
    const body = await answer.json();
    for (const layer of body.layers) layer.time_range.from = new Date(Date.now() - 3 * 86_400_000).toISOString();
    return route.fulfill({ response: answer, json: body });
  });
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
