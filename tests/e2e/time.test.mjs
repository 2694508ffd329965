// Layers below the stations and moments of the past on the operations page: what is shown then, what is not offered then,
// and that the present is not lost meanwhile.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idle, NEWS_MS, operations, recordedSince, serious, shot, SIZES, stage } from './story.mjs';

const STEP_MS = 5 * 60_000;
const WORDS = {
  vi: { communes: /Xã, phường/, severity: /Rất cao/, rivers: /Báo động 3/, method: /Nội suy/, past: /QUÁ KHỨ/, none: /Không có cảnh báo nào mở/, acts: /được xử lý ở hiện tại/, news: /1 cảnh báo mới/, lags: /kho lịch sử/, only: /InfluxDB/ },
  en: { communes: /Communes and wards/, severity: /Very high/, rivers: /Alarm 3/, method: /Inverse distance/, past: /PAST/, none: /No alert was open/, acts: /handled in the present/, news: /1 new alert since/, lags: /still taking in/, only: /InfluxDB/ },
};

let server;
let browser;
let land;

stage((it) => ({ server, browser, land } = it));

/** The newest whole step that the slider offers. */
const newest = () => Math.floor((Date.now() - 60_000) / STEP_MS) * STEP_MS;

/** An alert whose condition began a minute before the slider's newest moment, in data that came in time. */
async function earlier() {
  const calm = await land.calm('camera_fire_score');
  const moment = newest();
  const slow = calm.find(({ properties }) => properties.channels.some(({ property, interval_s: interval, grace_s: grace }) => property === 'camera_fire_score' && (interval + grace) * 1000 > Date.now() - moment + 90_000));
  assert.ok(slow, 'no calm camera may speak so late');
  await server.tell(slow.id, [{ time: new Date(moment - 60_000).toISOString(), property: 'camera_fire_score', value: 0.97 }]);
  return { alert: await land.raised([slow.id], 'camera_fire_score'), moment };
}

const legend = (page, id) => page.locator(`[data-layer-legend="${id}"][data-layer-state="shown"]`);
const shownAt = (page, moment) => page.waitForSelector(`[data-past="${moment}"]`, { timeout: NEWS_MS });
const present = (page) => page.waitForSelector('.room:not([data-past])', { timeout: NEWS_MS });

for (const [language, words] of Object.entries(WORDS)) {
  test(`layers lie below the stations with their legend, one that fills the map at a time (${language})`, async () => {
    const { page, complaints, close } = await operations(browser, server.http, { language, map: true, theme: language === 'vi' ? 'dark' : 'light' });
    const tiles = new Set();
    page.on('response', (response) => {
      const [, layer] = new URL(response.url()).pathname.match(/^\/tiles\/(\w+)\//) ?? [];
      if (layer && response.status() < 300) tiles.add(layer);
    });
    await idle(page);
    await page.keyboard.press('o');
    await page.locator('[data-layer="areas"]').check();
    await page.locator('[data-layer="rivers"]').check();
    await legend(page, 'areas').waitFor({ timeout: NEWS_MS });
    await legend(page, 'rivers').waitFor({ timeout: NEWS_MS });
    assert.deepEqual([...tiles].sort(), ['areas', 'rivers']);
    assert.match(await legend(page, 'areas').innerText(), words.communes);
    assert.match(await legend(page, 'areas').innerText(), words.severity);
    assert.match(await legend(page, 'rivers').innerText(), words.rivers);
    for (const id of ['footprints', 'holes']) {
      await page.locator(`[data-layer="${id}"]`).check();
      await legend(page, id).waitFor({ timeout: NEWS_MS });
    }
    assert.deepEqual(await serious(page), []);
    await shot(page, `layers-${language}`);

    await page.locator('[data-layer="air_temperature"]').check();
    await legend(page, 'air_temperature').waitFor({ timeout: NEWS_MS });
    assert.match(await legend(page, 'air_temperature').innerText(), words.method);
    assert.equal(await page.locator('[data-layer-legend="areas"]').count(), 0);
    await page.keyboard.press('Escape');
    await page.waitForFunction(() => document.activeElement?.hasAttribute('data-layers'));

    // They are remembered, and go when they are turned off.
    await page.reload();
    await legend(page, 'air_temperature').waitFor({ timeout: 90_000 });
    await page.click('[data-layers]');
    await page.locator('[data-layer="none"]').check();
    for (const id of ['rivers', 'footprints', 'holes']) await page.locator(`[data-layer="${id}"]`).uncheck();
    await page.waitForSelector('[data-layer-legends]', { state: 'detached' });
    assert.deepEqual(complaints, []);
    await close();
  });

  test(`a past moment shows what was then and offers nothing to do, and the present is not lost (${language})`, async () => {
    const { alert, moment } = await earlier();
    const { page, complaints, close } = await operations(browser, server.http, { language });
    await page.waitForSelector(`#alerts [data-alert="${alert.id}"], #alerts [data-incident]`, { timeout: NEWS_MS });
    await recordedSince(page, Date.now() - 3 * 86_400_000);
    await page.keyboard.press('r');
    await page.click('[data-step="5"]');
    await page.keyboard.press(',');
    await page.waitForSelector('[data-past]', { timeout: NEWS_MS });
    // A quarter of an hour may have ended meanwhile: then there is a newer moment.
    for (let at = Number(await page.getAttribute('.room', 'data-past')); at > moment; at -= STEP_MS) {
      await page.keyboard.press(',');
      await shownAt(page, at - STEP_MS);
    }
    await shownAt(page, moment);
    assert.match(await page.locator('[data-past-banner]').innerText(), words.past);

    // A minute after it was raised it is open; nobody can acknowledge it there.
    await page.evaluate((id) => (location.hash = `#/alert/${encodeURIComponent(id)}`), alert.id);
    const panel = page.locator(`[data-open-alert="${alert.id}"]`);
    await panel.locator('[data-why]').waitFor({ timeout: NEWS_MS });
    assert.match(await panel.innerText(), words.acts);
    assert.equal(await page.locator('[data-acknowledge]:visible, [data-acknowledge-all]:visible, [data-act]:visible').count(), 0);
    await page.waitForSelector(`[data-chart="ready"][data-mark="${moment}"]`, { timeout: NEWS_MS });
    await page.keyboard.press('a');
    assert.equal((await land.json(land.alertPath(alert.id))).handling.acknowledged, false);
    assert.deepEqual(await serious(page), []);
    await shot(page, `past-${language}`);

    // Five minutes before it was not.
    await page.keyboard.press(',');
    await shownAt(page, moment - STEP_MS);
    await panel.locator('[data-not-then]').waitFor({ timeout: NEWS_MS });
    await page.keyboard.press('Escape');
    assert.equal(await page.locator(`#alerts [data-alert="${alert.id}"]`).count(), 0);

    // What is raised meanwhile is told, and is there at once on the way back.
    const other = await land.raise();
    await page.waitForSelector('[data-news-since="1"]', { timeout: NEWS_MS });
    assert.match(await page.locator('[data-news-since]').innerText(), words.news);
    assert.equal(await page.locator(`#alerts [data-alert="${other.id}"]`).count(), 0);
    await page.keyboard.press('n');
    await present(page);
    assert.ok((await page.locator('#alerts [data-acknowledge], #alerts [data-acknowledge-all]').count()) > 0);
    assert.deepEqual(complaints, []);
    await close();
  });

  test(`what cannot be shown says why, and a late answer does not come back (${language})`, async () => {
    const { page, close } = await operations(browser, server.http, { language });
    const refuse = (status, code) => (route) => route.fulfill({ status, contentType: 'application/problem+json', body: JSON.stringify({ status, code, title: 'no', detail: 'no' }) });
    const frames = '**/api/v1/layers/stations?at=*';
    await recordedSince(page, Date.now() - 3 * 86_400_000);
    await page.keyboard.press('r');
    await page.click('[data-step="5"]');
    await page.route(frames, refuse(400, 'not_supported'));
    await page.keyboard.press(',');
    await page.waitForSelector('[data-past-failure="present-only"]', { timeout: NEWS_MS });
    assert.match(await page.locator('[data-past-failure]').innerText(), words.only);
    assert.equal(await page.locator('[data-past]').count(), 0, 'the present is shown');
    await page.keyboard.press('n');
    await page.unroute(frames);

    // A store that lags is asked again by itself.
    await page.route(frames, refuse(503, 'unavailable'));
    await page.keyboard.press(',');
    await page.waitForSelector('[data-past-failure="lags"]', { timeout: NEWS_MS });
    assert.match(await page.locator('[data-past-failure]').innerText(), words.lags);
    await page.unroute(frames);
    await page.waitForSelector('[data-past]', { timeout: NEWS_MS });
    assert.equal(await page.locator('[data-past-failure]').count(), 0);

    // The answer to an earlier wish is held back until a later one has been shown.
    const from = Number(await page.getAttribute('.room', 'data-past'));
    let held;
    const kept = new Promise((resolve) => (held = resolve));
    let answer;
    const answered = new Promise((resolve) => (answer = resolve));
    const heldBack = (request) => {
      const url = new URL(request.url());
      return url.pathname === '/api/v1/layers/stations' && Date.parse(url.searchParams.get('at')) === from - STEP_MS;
    };
    await page.route(frames, async (route) => {
      if (!heldBack(route.request())) return route.continue();
      await kept;
      await route.continue().catch(() => undefined);
      return answer();
    });
    // Every moment that is shown, however short.
    await page.evaluate(() => {
      const room = document.querySelector('.room');
      window.moments = [];
      new MutationObserver(() => window.moments.push(Number(room.dataset.past))).observe(room, { attributeFilter: ['data-past'] });
    });
    const asked = page.waitForRequest((request) => heldBack(request));
    await page.keyboard.press(',');
    await page.waitForSelector(`[data-wanted="${from - STEP_MS}"]`);
    await asked;
    await page.keyboard.press(',');
    await shownAt(page, from - 2 * STEP_MS);
    held();
    await answered;
    await page.keyboard.press(',');
    await shownAt(page, from - 3 * STEP_MS);
    assert.deepEqual(await page.evaluate(() => window.moments), [from - 2 * STEP_MS, from - 3 * STEP_MS], 'the late moment is never shown');
    await page.unrouteAll({ behavior: 'ignoreErrors' });

    // It plays back to now and ends there.
    await page.keyboard.press('p');
    await page.waitForSelector('[data-playing="true"]');
    await present(page);
    await page.waitForSelector('[data-playing="false"]');
    await close();
  });
}

test('a moment before the record begins is said, and the slider works by the keyboard', async () => {
  const { page, complaints, close } = await operations(browser, server.http, { language: 'en', size: SIZES.phone });
  await recordedSince(page, newest() - 30_000);
  await page.click('[data-time-open]');
  await page.focus('[data-time="slider"]');
  await page.keyboard.press('Home');
  await page.waitForSelector('[data-past-failure="before"]', { timeout: NEWS_MS });
  assert.match(await page.locator('[data-past-failure]').innerText(), /record begins/);
  assert.equal(await page.locator('[data-past]').count(), 0);
  assert.deepEqual(await serious(page), []);
  await page.keyboard.press('End');
  await page.waitForSelector('[data-past-failure]', { state: 'detached' });
  await page.unrouteAll({ behavior: 'ignoreErrors' });
  assert.deepEqual(complaints, []);
  await close();
});
