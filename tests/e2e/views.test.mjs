// Why an alert was raised, charts, the technician's view, the hand-over, the keyboard, and what axe-core has to say.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { publish } from './mqtt.mjs';
import { cuttableLine } from './server.mjs';
import { card, carries, idle, NEWS_MS, operations, serious, shot, SIZES, stage } from './story.mjs';

let server;
let browser;
let land;

stage((it) => ({ server, browser, land } = it));

for (const [language, { why, threshold }] of Object.entries({
  vi: { why: 'Vì sao có cảnh báo', threshold: /trên 0,90/ },
  en: { why: 'Why it was raised', threshold: /above 0.90/ },
})) {
  test(`an alert says why it was raised, with the rule's steps in its chart (${language})`, async () => {
    const alert = await land.raise('camera_fire_score', 0.95);
    const { page, complaints, close } = await operations(browser, server.http, { language });
    await (await card(page, alert.id)).locator('[data-row]').click();
    const panel = page.locator(`[data-open-alert="${alert.id}"]`);
    await panel.locator('[data-chart="ready"]').waitFor({ timeout: NEWS_MS });
    const reasons = panel.locator('[data-why="forest-fire-camera"]');
    assert.ok((await reasons.innerText()).includes(why));
    assert.match(await reasons.innerText(), threshold);
    assert.match(await reasons.locator('[data-raised-with]').innerText(), /0[.,]95/);
    assert.match(await reasons.locator('[data-threshold]').innerText(), /0[.,]90/);
    assert.equal(await reasons.locator('tr.over').count(), 3, 'all three steps are reached');
    assert.ok((await panel.locator('[data-timeline] li').count()) > 0);
    const chart = panel.locator('[data-chart]');
    assert.equal(await chart.getAttribute('data-lines'), '3');
    await chart.locator('[data-hours="168"]').click();
    await panel.locator('[data-chart="ready"][data-span="168"]').waitFor({ timeout: NEWS_MS });
    await panel.locator('[data-completeness]').waitFor({ timeout: NEWS_MS });
    await shot(page, `alert-why-${language}`);
    assert.deepEqual(complaints, []);
    await close();
  });
}

for (const [language, words] of Object.entries({ vi: 'Báo động 3', en: 'Alarm 3' })) {
  test(`an index says what its value means, and every value is called by a name (${language})`, async () => {
    const target = (await land.stations()).find((feature) => carries(feature, 'river_alarm_stage') && feature.properties.freshness !== 'maintenance');
    await server.tell(target.id, [{ time: new Date().toISOString(), property: 'water_level', value: 9 }]);
    const { page, complaints, close } = await operations(browser, server.http, { language, hash: `#/station/${target.id}` });
    const stage = page.locator('[data-channel="river_alarm_stage"]');
    await stage.locator('[data-step="Alarm 3"]').waitFor({ timeout: NEWS_MS });
    assert.ok((await stage.innerText()).includes(words));
    const names = await page.locator('[data-channel]').evaluateAll((rows) => rows.map((row) => [row.dataset.channel.replaceAll('_', ' '), row.querySelector('th').innerText]));
    assert.deepEqual(names.filter(([raw, said]) => raw === said), []);
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('the technician sees why messages were refused, reads one whole, and hands it in again', async () => {
  const [feature] = await land.calm('air_temperature');
  const evil = '<img src=x onerror="document.title=1">';
  await publish(process.env.SAOLA_E2E_MQTT, [{ topic: `saola/v1/${feature.id}`, payload: { time: new Date().toISOString(), air_temperature: 4999, note: evil } }]);
  const { page, complaints, close } = await operations(browser, server.http, { hash: '#/technical' });
  await page.waitForSelector('[data-technical="ready"]', { timeout: NEWS_MS });
  for (const part of ['journal', 'store', 'tick', 'edge']) assert.equal(await page.locator(`[data-part="${part}"]`).getAttribute('data-ready'), 'true', part);
  const letter = page.locator('[data-letter]').filter({ hasText: '4999' }).first();
  await letter.waitFor({ timeout: NEWS_MS });
  assert.match(await page.locator('[data-source="edge"] [data-column="rejected"]').innerText(), /[1-9]/);
  await letter.getByRole('button', { name: 'Xem toàn bộ' }).click();
  await letter.locator('[data-payload]').waitFor({ timeout: NEWS_MS });
  assert.ok((await letter.locator('[data-payload]').innerText()).includes('onerror='));
  assert.equal(await page.locator('[data-letter] img').count(), 0);
  await shot(page, 'technical');
  await letter.locator('[data-replay]').click();
  await page.waitForFunction(() => [...document.querySelectorAll('[data-letter] [role="status"]')].some((one) => one.textContent.includes('vẫn từ chối')), undefined, { timeout: NEWS_MS });
  assert.deepEqual(complaints, []);
  await close();
});

for (const [language, title] of Object.entries({ vi: 'Bàn giao ca', en: 'Shift hand-over' })) {
  test(`a shift hands over what was raised, acknowledged and shelved, on screen and paper (${language})`, async () => {
    const alert = await land.raise();
    await land.colleague(alert.id, 'acknowledge', {});
    const shelved = await land.raise();
    await land.colleague(shelved.id, 'shelve', { until: new Date(Date.now() + 3_600_000).toISOString(), reason: `thay pin ${language}` });
    const { page, complaints, close } = await operations(browser, server.http, { language, theme: 'dark' });
    await page.click('[data-view="handover"]');
    await page.waitForSelector('[data-handover="ready"]', { timeout: NEWS_MS });
    assert.ok((await page.locator('h2').first().innerText()).includes(title));
    await page.waitForSelector(`[data-table="acknowledged"] [data-alert-row="${alert.id}"]`, { timeout: NEWS_MS });
    await page.waitForSelector(`[data-table="raised"] [data-alert-row="${alert.id}"]`);
    assert.ok((await page.locator('[data-handover]').innerText()).includes(`thay pin ${language}`));
    await page.emulateMedia({ media: 'print' });
    assert.equal(await page.locator('.room > header').isVisible(), false);
    assert.equal(await page.locator('[data-handover] .controls').isVisible(), false);
    const { height, shown } = await page.evaluate(() => ({ height: document.querySelector('[data-handover]').scrollHeight, shown: document.documentElement.scrollHeight }));
    assert.ok(shown >= height, 'paper shows all of it');
    await page.emulateMedia({ media: 'screen' });
    await page.click('[data-view="room"]');
    await page.waitForSelector('[data-list="open-alerts"]');
    assert.deepEqual(complaints, []);
    await close();
  });
}

test('everything is reached by keys, which can be turned off', async () => {
  const alert = await land.raise();
  const { page, complaints, close } = await operations(browser, server.http);
  await card(page, alert.id);
  await page.keyboard.press('?');
  await page.waitForSelector('[data-key-help][open]');
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-key-help]:not([open])', { state: 'attached' });
  await page.keyboard.press('2');
  await page.waitForSelector('[data-technical]');
  await page.keyboard.press('3');
  await page.waitForSelector('[data-handover]');
  await page.keyboard.press('1');
  await page.waitForSelector('[data-list="open-alerts"]', { state: 'visible' });

  // Down the list to the alert, acknowledge it there, open it, and say something with letters that are keys too.
  const reached = () => page.evaluate(() => document.activeElement?.closest('[data-alert]')?.dataset.alert ?? '');
  for (let step = 0; step < 60 && (await reached()) !== alert.id; step += 1) await page.keyboard.press('j');
  assert.equal(await reached(), alert.id);
  await page.keyboard.press('a');
  await page.waitForSelector(`#alerts [data-alert="${alert.id}"][data-acknowledged="true"]`, { timeout: NEWS_MS });
  await page.locator(`#alerts [data-alert="${alert.id}"] [data-row]`).focus();
  await page.keyboard.press('Enter');
  await page.waitForSelector(`[data-open-alert="${alert.id}"] [data-act="comment"]`, { timeout: NEWS_MS });
  await page.keyboard.press('c');
  await page.waitForFunction(() => document.activeElement?.id === 'act-text');
  await page.keyboard.type('mj2?');
  assert.equal(await page.inputValue('#act-text'), 'mj2?');
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-form]', { state: 'detached' });
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-open-alert]', { state: 'detached' });

  await page.keyboard.press('/');
  await page.waitForFunction(() => document.activeElement?.getAttribute('type') === 'search');
  await page.keyboard.press('Tab');
  await page.keyboard.press('?');
  await page.locator('[data-key-help] input').uncheck();
  await page.keyboard.press('Escape');
  await page.waitForSelector('[data-key-help]:not([open])', { state: 'attached' });
  await page.keyboard.press('2');
  assert.equal(await page.locator('[data-technical]').count(), 0);
  assert.deepEqual(complaints, []);
  await close();
});

test('a line that is dead but not closed is told within five seconds, and mended without loading anew', async () => {
  const line = await cuttableLine(server.http);
  const { page, close } = await operations(browser, line.http);
  await page.waitForSelector('[data-connection="good"], [data-connection="intake-late"]', { timeout: NEWS_MS });
  const [target] = await land.calm('air_temperature');
  let loads = 0;
  page.on('request', (request) => {
    if (request.url().includes('/layers/stations')) loads += 1;
  });
  line.stall();
  const from = Date.now();
  await page.waitForSelector('[data-connection="broken"]', { timeout: 20_000 });
  const took = Date.now() - from;
  assert.ok(took <= 5_000, `it took ${took} ms`);
  await server.tell(target.id, [{ time: new Date().toISOString(), property: 'air_temperature', value: 23.7 }]);
  line.mend();
  await page.waitForSelector('[data-connection="broken"]', { state: 'detached', timeout: NEWS_MS });
  await page.keyboard.press('t');
  await page.locator(`#alerts [data-station="${target.id}"]`).click();
  await page.waitForSelector('[data-channel="air_temperature"] [data-value="23.7"]', { timeout: NEWS_MS });
  assert.equal(loads, 0, 'the stream goes on where it was');
  await close();
  await line.stop();
});

for (const [language, theme, size] of [['vi', 'dark', 'wall'], ['en', 'light', 'laptop'], ['vi', 'light', 'phone']]) {
  test(`axe-core finds nothing serious (${language}, ${theme}, ${size})`, async () => {
    const alert = await land.raise();
    const { page, complaints, close } = await operations(browser, server.http, { language, theme, size: SIZES[size], map: size === 'wall' });
    if (size === 'wall') await idle(page);
    const look = async (name) => {
      assert.deepEqual(await serious(page), [], name);
      await shot(page, `axe-${name}-${language}-${size}`);
    };
    await look('room');
    if (size !== 'phone') {
      await card(page, alert.id);
      await look('alerts');
      await page.keyboard.press('?');
      await page.waitForSelector('[data-key-help][open]');
      await look('keys');
      await page.keyboard.press('Escape');
    }
    await page.evaluate((id) => (location.hash = `#/alert/${encodeURIComponent(id)}`), alert.id);
    await page.waitForSelector('[data-open-alert] [data-chart="ready"]', { timeout: NEWS_MS });
    await page.locator('[data-act="shelve"]').click();
    await page.locator('[data-send]').click();
    await look('alert');
    await page.evaluate((id) => (location.hash = `#/station/${encodeURIComponent(id)}`), alert.station);
    await page.waitForSelector('#station-heading', { timeout: NEWS_MS });
    await page.waitForSelector('[data-chart="ready"]', { timeout: NEWS_MS });
    await look('station');
    await page.click('[data-view="technical"]');
    await page.waitForSelector('[data-technical="ready"]', { timeout: NEWS_MS });
    await look('technical');
    await page.click('[data-view="handover"]');
    await page.waitForSelector('[data-handover="ready"]', { timeout: NEWS_MS });
    await look('handover');
    const wide = await page.evaluate(() => [document.documentElement, document.querySelector('.view')].map((box) => box.scrollWidth - box.clientWidth));
    assert.deepEqual(wide, [0, 0], 'the page is wider than the screen');
    assert.deepEqual(complaints, []);
    await close();
  });
}
