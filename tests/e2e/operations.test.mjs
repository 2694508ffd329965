// The operations page in a real browser against a running server: what staff see when a device speaks, when an alert
// is raised, when the line breaks. Any console error or failed request fails the test.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from './browser.mjs';
import { cuttableLine } from './server.mjs';
import { card, carries, FIRST_IDLE_MS, held, idle, NEWS_MS, serious, shot, SIZES, stage } from './story.mjs';

let server;
let browser;
let land;

stage((it) => ({ server, browser, land } = it));

/** A station without an open alert that carries the property, and what it takes to alarm about it. */
async function candidates() {
  const alarming = [
    ['camera_fire_score', 0.99],
    ['pm2_5', 480],
    ['smoke', 0.98],
  ];
  const calm = (await land.stations()).filter((feature) => feature.properties.severity === null && feature.properties.freshness !== 'maintenance');
  return alarming.flatMap(([property, value]) => {
    const feature = calm.find((candidate) => carries(candidate, property));
    if (!feature) return [];
    const channel = feature.properties.channels.find((candidate) => candidate.property === property);
    return [{ id: feature.id, property, value, seconds: Math.min(channel.interval_s + channel.grace_s - 5, 600) }];
  });
}

test('the map shows every station, and a published value reaches the screen', async () => {
  const { page, complaints, close } = await open(browser, SIZES.laptop);
  await page.goto(server.http);
  await idle(page);
  const all = await land.stations();
  await page.click('[data-tab="stations"]');
  assert.equal(await page.locator('[data-list="stations"] [data-station]').count(), all.length);

  const target = all.find((feature) => carries(feature, 'air_temperature') && feature.properties.freshness !== 'maintenance');
  await page.click(`[data-station="${target.id}"]`);
  await page.waitForSelector(`[data-open-station="${target.id}"]`);
  await server.tell(target.id, [{ time: new Date().toISOString(), property: 'air_temperature', value: 31.4 }]);
  const cell = page.locator('[data-channel="air_temperature"]');
  await page.waitForSelector('[data-channel="air_temperature"] [data-value="31.4"]', { timeout: NEWS_MS });
  assert.match(await cell.innerText(), /31,4\s*°C/);
  assert.match(await cell.innerText(), /vừa xong|giây trước/);
  assert.equal(await cell.getAttribute('data-freshness'), 'live');

  await page.locator('[data-channel="air_temperature"] button').click();
  await page.waitForFunction(() => Number(document.querySelector('[data-chart="ready"]')?.getAttribute('data-points')) > 0);
  assert.ok(await page.locator('[data-chart] canvas').isVisible());
  await shot(page, 'station-laptop');
  assert.deepEqual(complaints, []);
  await close();
});

test('an alert appears by itself, and a click on it opens it on the map', async () => {
  const { page, complaints, close } = await open(browser, SIZES.laptop);
  await page.goto(server.http);
  await idle(page);
  const alarms = await candidates();
  assert.ok(alarms.length > 0, 'the province has no calm station to alarm');
  for (const { id, property, value, seconds } of alarms) await server.tell(id, held(property, value, seconds));
  const alert = await land.raised(alarms.map(({ id }) => id));
  const raised = await card(page, alert.id);
  assert.match(await page.locator('[aria-live]').allInnerTexts().then((texts) => texts.join(' ')), /Cảnh báo mới/);
  await shot(page, 'alert-laptop');

  await raised.locator('[data-row]').click();
  await page.waitForSelector(`[data-open-alert="${alert.id}"][data-open-station="${alert.station}"] [data-chart="ready"]`, { timeout: NEWS_MS });
  assert.equal(await page.evaluate(() => document.activeElement?.id), 'alert-heading');
  // The map has gone there: its station stands beside the panel, not under it.
  await page.waitForSelector('[data-map-state="idle"]:not([data-selected-at=""])', { timeout: FIRST_IDLE_MS, state: 'attached' });
  const [x] = (await page.getAttribute('[data-map-state]', 'data-selected-at')).split(',').map(Number);
  const [stage, panel] = await Promise.all([page.locator('[data-map-state]').boundingBox(), page.locator('[data-open-alert]').boundingBox()]);
  assert.ok(x > 0 && stage.x + x < panel.x, `the station stands at ${x} of the map`);
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-open-station]', { state: 'detached' });
  assert.deepEqual(complaints, []);
  await close();
});

/** A station that stands alone: others under the same click would make the page ask which. */
function mostAlone(all) {
  const near = (a, b) => Math.hypot(...a.geometry.coordinates.map((c, axis) => c - b.geometry.coordinates[axis]));
  return all.reduce((best, feature) => {
    const distance = Math.min(...all.filter((other) => other !== feature).map((other) => near(feature, other)));
    return distance > best.distance ? { feature, distance } : best;
  }, { distance: 0 }).feature;
}

/** Where the station that the address opens stands on the map; nothing is open then. */
async function approached(page, id) {
  await page.waitForSelector(`[data-open-station="${id}"]`);
  await page.waitForSelector('[data-map-state="idle"]:not([data-selected-at=""])', { timeout: FIRST_IDLE_MS, state: 'attached' });
  // The flight to it is over when the station no longer moves.
  await page.evaluate(() => delete window.placeBefore);
  await page.waitForFunction(() => {
    const map = document.querySelector('[data-map-state]');
    const still = map.dataset.mapState === 'idle' && map.dataset.selectedAt === window.placeBefore;
    window.placeBefore = map.dataset.selectedAt;
    return still;
  }, null, { polling: 700 });
  const map = page.locator('[data-map-state]');
  const [x, y] = (await map.getAttribute('data-selected-at')).split(',').map(Number);
  const before = await map.boundingBox();
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-open-station]', { state: 'detached' });
  await idle(page);
  // A phone's map has another height then, around the same middle.
  const { height } = await map.boundingBox();
  const down = y + (height - before.height) / 2;
  if (down > 100) return [x, down];
  // It may lie under the buttons: an arrow key moves the map by a hundred pixels.
  await map.locator('canvas').focus();
  await page.keyboard.press('ArrowUp');
  // A key is heard at the next drawing; after that the map is moving, or has moved.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)))));
  await idle(page);
  return [x, down + 100];
}

test('a click on a station on the map opens it', async () => {
  const { page, complaints, close } = await open(browser, { ...SIZES.laptop, reducedMotion: 'reduce' });
  const alone = mostAlone(await land.stations());
  await page.goto(`${server.http}/#/station/${encodeURIComponent(alone.id)}`);
  const [x, y] = await approached(page, alone.id);
  await page.locator('[data-map-state] canvas').click({ position: { x, y } });
  await page.waitForSelector(`[data-open-station="${alone.id}"]`, { timeout: NEWS_MS });
  assert.deepEqual(complaints, []);
  await close();
});

for (const [language, size, words] of [['vi', 'laptop', /^và 5 trạm nữa: phóng to$/], ['en', 'phone', /^and 5 more: zoom in$/]]) {
  test(`of more stations under one click than are listed the rest is counted, and at the largest zoom all are listed (${language}, ${size})`, async () => {
    const { page, complaints, close } = await open(browser, { ...SIZES[size], reducedMotion: 'reduce' });
    await page.addInitScript((word) => localStorage.setItem('saola.language', word), language);
    const alone = mostAlone(await land.stations());
    // Twelve more at its place, which only the map knows.
    await page.route('**/api/v1/layers/stations', async (route) => {
      const answer = await route.fetch();
      const body = await answer.json();
      const twins = Array.from({ length: 12 }, (_, place) => ({ ...alone, id: `TWIN-${place}`, properties: { ...alone.properties, id: `TWIN-${place}`, name: { vi: `Trạm đôi ${place}`, en: `Twin ${place}` } } }));
      return route.fulfill({ response: answer, json: { ...body, features: [...body.features, ...twins] } });
    });
    const address = `#/station/${encodeURIComponent(alone.id)}`;
    await page.goto(`${server.http}/${address}`);
    const chooser = page.locator('.chooser');
    let enlarged = 0;
    for (; enlarged < 6; enlarged += 1) {
      if (enlarged > 0) await page.evaluate((to) => (location.hash = to), address);
      const [x, y] = await approached(page, alone.id);
      await page.locator('[data-map-state] canvas').click({ position: { x, y } });
      await chooser.waitFor();
      if ((await chooser.locator('[data-beyond]').count()) === 0) break;
      assert.equal(await chooser.locator('li').count(), 8);
      assert.match(await chooser.locator('[data-beyond]').innerText(), words);
      if (enlarged === 0) {
        await shot(page, `chooser-more-${language}-${size}`);
        assert.deepEqual(await serious(page), []);
      }
      // By the keyboard: the first one has the focus, and the last stop enlarges.
      for (let stop = 0; stop < 8; stop += 1) await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await chooser.waitFor({ state: 'detached' });
      assert.equal(await page.evaluate(() => document.activeElement?.tagName), 'CANVAS');
    }
    assert.ok(enlarged >= 1 && enlarged < 6, `enlarged ${enlarged} times`);
    assert.equal(await chooser.locator('li').count(), 13);
    // The list scrolls within the map, and its last one is reached.
    const last = chooser.locator('li').last();
    await last.locator('button').focus();
    const [map, list, row] = await Promise.all([page.locator('.map'), chooser, last].map((part) => part.boundingBox()));
    assert.ok(list.x >= map.x && list.x + list.width <= map.x + map.width && list.y >= map.y && list.y + list.height <= map.y + map.height, 'the list lies on the map');
    assert.ok(row.y >= list.y && row.y + row.height <= list.y + list.height + 1, 'the last station is seen');
    await shot(page, `chooser-all-${language}-${size}`);
    assert.deepEqual(await serious(page), []);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('a broken line is told at once, and mended without a reload', async () => {
  const line = await cuttableLine(server.http);
  const { page, close } = await open(browser, SIZES.laptop);
  await page.goto(line.http);
  await idle(page);
  await page.waitForSelector('[data-banner="broken"]', { state: 'detached' });
  line.cut();
  await page.waitForSelector('[data-banner="broken"]', { timeout: NEWS_MS });
  assert.match(await page.locator('[data-banner]').innerText(), /Mất kết nối/);
  await shot(page, 'broken-laptop');
  line.mend();
  await page.waitForSelector('[data-banner="broken"]', { state: 'detached', timeout: NEWS_MS });
  await close();
  await line.stop();
});

test('the list of stations works by the keyboard alone', async () => {
  const { page, complaints, close } = await open(browser, SIZES.laptop);
  await page.goto(server.http);
  await idle(page);
  await page.focus('[data-tab="alerts"]');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector('[data-list="stations"]');
  // The order of the list stands before its search, so that what was typed is next to what was found.
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement?.hasAttribute('data-order')), true);
  await page.keyboard.press('Tab');
  await page.keyboard.type('doan ket');
  const first = page.locator('[data-station]').first();
  await page.keyboard.press('Tab');
  const id = await first.getAttribute('data-station');
  await page.keyboard.press('Enter');
  await page.waitForSelector(`[data-open-station="${id}"]`);
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-open-station]', { state: 'detached' });
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('data-station')), id);
  assert.deepEqual(complaints, []);
  await close();
});

test('whoever is not signed in gets the door, and is told when the password is wrong', async () => {
  const { page, close } = await open(browser, SIZES.phone);
  let signedIn = false;
  await page.route('**/api/v1/me', (route) =>
    signedIn
      ? route.fulfill({ json: { name: 'lan', role: 'operator', areas: null, demo: false } })
      : route.fulfill({ status: 401, json: { status: 401, code: 'unauthenticated', title: 'sign in' } }),
  );
  await page.route('**/api/v1/session', (route) => {
    signedIn = route.request().postDataJSON().password === 'right';
    return signedIn ? route.fulfill({ json: { name: 'lan' } }) : route.fulfill({ status: 401, json: { code: 'wrong_credentials' } });
  });
  await page.goto(server.http);
  await page.fill('#name', 'lan');
  await page.fill('#password', 'wrong');
  await page.click('button[type="submit"]');
  await page.waitForFunction(() => document.querySelector('[role="alert"]')?.textContent?.includes('không đúng'));
  await shot(page, 'sign-in-phone');
  await page.fill('#password', 'right');
  await page.click('button[type="submit"]');
  await page.waitForSelector('[data-map-state]');
  await close();
});

test('the API browser reads the description without any outside help', async () => {
  const { page, complaints, close } = await open(browser, SIZES.laptop);
  await page.goto(`${server.http}/docs`);
  await page.waitForSelector('.opblock', { timeout: NEWS_MS });
  await shot(page, 'docs-laptop');
  assert.deepEqual(complaints, []);
  await close();
});

for (const [size, viewport] of Object.entries(SIZES)) {
  test(`the page stands at ${viewport.width} x ${viewport.height}, in both languages and themes`, async () => {
    const { page, complaints, close } = await open(browser, viewport);
    await page.goto(server.http);
    await idle(page);
    await shot(page, `${size}-vi-dark`);
    await page.click('[data-switch="language"]');
    await page.click('[data-switch="theme"]');
    await page.waitForFunction(() => document.documentElement.lang === 'en' && document.documentElement.dataset.theme === 'light');
    await idle(page);
    await shot(page, `${size}-en-light`);
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(wide, 0, 'the page is wider than the screen');
    if (size === 'phone') {
      await page.click('nav.foot button:nth-child(3)');
      await page.locator('[data-station]').first().click();
      await page.waitForSelector('[data-chart="ready"]', { timeout: NEWS_MS });
      await shot(page, 'phone-station');
    }
    assert.deepEqual(complaints, []);
    await close();
  });
}
