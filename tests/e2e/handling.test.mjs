// Handling alerts in the page: who looks after them, what is said, what happens when two people do it at once.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { card, NEWS_MS, operations, stage } from './story.mjs';

const MARKUP = '<img src=x onerror="document.title=1"> & <b>đã gọi</b>';
const WORDS = {
  vi: { nobody: /Chưa ai tiếp nhận/, by: /demo tiếp nhận/, needed: /Hãy điền/, shelved: /Tạm gác đến/, changed: /Có người vừa thay đổi/, kept: /vẫn còn/, assigned: /giao lan/ },
  en: { nobody: /Not acknowledged/, by: /acknowledged by demo/, needed: /Please fill/, shelved: /Shelved until/, changed: /Somebody else has just changed/, kept: /still here/, assigned: /assigned to lan/ },
};

let server;
let browser;
let land;

stage((it) => ({ server, browser, land } = it));

for (const [language, words] of Object.entries(WORDS)) {
  test(`an alert is acknowledged, talked about, assigned, shelved and closed in place (${language})`, async () => {
    const alert = await land.raise();
    const { page, complaints, close } = await operations(browser, server.http, { language });
    const line = await card(page, alert.id);
    assert.match(await line.innerText(), words.nobody);
    await line.locator('[data-acknowledge]').click();
    await page.waitForSelector(`#alerts [data-alert="${alert.id}"][data-acknowledged="true"]`, { timeout: NEWS_MS });
    assert.match(await line.innerText(), words.by);

    await line.locator('[data-row]').click();
    const panel = page.locator(`[data-open-alert="${alert.id}"]`);
    await panel.waitFor({ timeout: NEWS_MS });
    await page.waitForFunction(() => document.activeElement?.id === 'alert-heading', undefined, { timeout: NEWS_MS });

    await panel.locator('[data-act="comment"]').click();
    await panel.locator('[data-send]').click();
    assert.match(await panel.locator('.fault').innerText(), words.needed);
    await page.fill('#act-text', MARKUP);
    await panel.locator('[data-send]').click();
    await panel.locator('[data-deed="commented"]').waitFor({ timeout: NEWS_MS });
    assert.equal(await panel.locator('[data-deed="commented"] q').innerText(), MARKUP);

    await panel.locator('[data-act="assign"]').click();
    await page.fill('#act-to', 'lan');
    await panel.locator('[data-send]').click();
    await panel.locator('[data-deed="assigned"]').waitFor({ timeout: NEWS_MS });
    assert.match(await panel.locator('section').first().innerText(), words.assigned);

    // A shelf has an end and a reason, or is none.
    await panel.locator('[data-act="shelve"]').click();
    await panel.locator('[data-send]').click();
    assert.equal(await panel.locator('.fault').count(), 2);
    await panel.locator('[data-form="shelve"] [data-hours="4"]').click();
    await page.fill('#act-reason', 'thay pin');
    await panel.locator('[data-send]').click();
    await panel.locator('[data-deed="shelved"]').waitFor({ timeout: NEWS_MS });
    assert.match(await panel.innerText(), words.shelved);
    await panel.locator('[data-act="unshelve"]').click();
    await panel.locator('[data-send]').click();
    await panel.locator('[data-deed="unshelved"]').waitFor({ timeout: NEWS_MS });

    await panel.locator('[data-act="close"]').click();
    const causes = await page.locator('#act-cause option').evaluateAll((options) => options.map((option) => option.value));
    assert.deepEqual(causes, ['false_alarm', 'test', 'duplicate'], 'its condition still holds');
    await panel.locator('[data-send]').click();
    await panel.locator('[data-deed="closed"]').waitFor({ timeout: NEWS_MS });

    const kept = (await land.json(land.alertPath(alert.id))).timeline.flatMap(({ deed }) => (deed?.author ? [deed.what] : []));
    assert.deepEqual(kept, ['acknowledged', 'commented', 'assigned', 'shelved', 'unshelved', 'closed']);
    assert.deepEqual(complaints, []);
    await close();
  });

  test(`whoever was too late reads what changed, and loses nothing (${language})`, async () => {
    const alert = await land.raise();
    // Looked after, so that no escalation changes it between.
    await land.colleague(alert.id, 'acknowledge', {});
    const { page, close } = await operations(browser, server.http, { language, hash: `#/alert/${encodeURIComponent(alert.id)}` });
    const panel = page.locator(`[data-open-alert="${alert.id}"]`);
    await panel.locator('[data-act="close"]').click({ timeout: NEWS_MS });
    await page.fill('#act-note', 'đốt nương có phép');
    await land.colleague(alert.id, 'assign', { to: 'lan' });
    await panel.locator('[data-send]').click();
    const changed = panel.locator('[data-changed]');
    await changed.waitFor({ timeout: NEWS_MS });
    assert.match(await changed.innerText(), words.changed);
    // The picture gathers news for a quarter of a second.
    await changed.filter({ hasText: words.assigned }).waitFor({ timeout: NEWS_MS });
    assert.equal(await page.inputValue('#act-note'), 'đốt nương có phép');
    assert.equal((await land.json(land.alertPath(alert.id))).handling.closed, null);
    // Another panel, and back: it is still there.
    await page.keyboard.press('Escape');
    await panel.locator('[data-to-station]').click();
    await page.waitForSelector('#station-heading');
    await page.locator(`[data-open-station] [data-alert="${alert.id}"] [data-row]`).click();
    await panel.locator('[data-act="close"]').click();
    assert.equal(await page.inputValue('#act-note'), 'đốt nương có phép');
    await panel.locator('[data-send]').click();
    await panel.locator('[data-deed="closed"]').waitFor({ timeout: NEWS_MS });
    assert.equal((await land.json(land.alertPath(alert.id))).handling.closed.note, 'đốt nương có phép');
    await close();
  });
}

test('what was lost on the way is sent again, and done once', async () => {
  const alert = await land.raise();
  const { page, close } = await operations(browser, server.http, { language: 'en', hash: `#/alert/${encodeURIComponent(alert.id)}` });
  const panel = page.locator(`[data-open-alert="${alert.id}"]`);
  const keys = [];
  await page.route('**/comment', async (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    // The first time the server hears it, and its answer is lost.
    if (keys.length > 1) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await panel.locator('[data-act="comment"]').click({ timeout: NEWS_MS });
  await page.fill('#act-text', 'team is on its way');
  await panel.locator('[data-send]').click();
  await page.waitForSelector('[data-form="comment"][data-phase="unreachable"]', { timeout: NEWS_MS });
  assert.equal(await page.inputValue('#act-text'), 'team is on its way');
  await panel.locator('[data-send]').click();
  await panel.locator('[data-form]').waitFor({ state: 'detached', timeout: NEWS_MS });
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  const said = (await land.json(land.alertPath(alert.id))).timeline.filter(({ deed }) => deed?.what === 'commented');
  assert.equal(said.length, 1);
  await close();
});

test('what nobody looks after stands first, and a filter folds but never hides', async () => {
  const [taken, waiting] = [await land.raise(), await land.raise('pm2_5', 400).catch(() => land.raise())];
  await land.colleague(taken.id, 'acknowledge', {});
  const { page, complaints, close } = await operations(browser, server.http);
  await card(page, taken.id);
  await card(page, waiting.id);
  const order = await page.locator('[data-list="open-alerts"] > li').evaluateAll((lines) => lines.map((line) => line.querySelector('[data-acknowledged="false"], [data-incident]:not([data-waiting="0"])') === null));
  assert.deepEqual(order, order.toSorted((a, b) => Number(a) - Number(b)), 'a line with nothing to acknowledge stands above one with');

  const elsewhere = (await land.stations()).map((feature) => feature.properties.area).find((area) => area && area !== taken.area && area !== waiting.area);
  await page.selectOption('[data-filter="area"]', elsewhere);
  const outside = page.locator('[data-outside]');
  await outside.waitFor({ timeout: NEWS_MS });
  assert.equal(await page.locator(`[data-list="open-alerts"] [data-alert="${taken.id}"]`).count(), 0);
  await outside.click();
  await page.waitForSelector('[data-list="outside-alerts"] li');
  await page.keyboard.press('f');
  await outside.waitFor({ state: 'detached', timeout: NEWS_MS });
  assert.deepEqual(complaints, []);
  await close();
});

test('a new critical alert is heard once sound is allowed, and not before', async () => {
  const { page, complaints, close } = await operations(browser, server.http);
  const switchOf = page.locator('[data-switch="sound"]');
  assert.equal(await switchOf.getAttribute('data-sound'), 'off');
  await card(page, (await land.raise()).id);
  assert.equal(await switchOf.getAttribute('data-played'), '0');
  await switchOf.click();
  await page.waitForSelector('[data-switch="sound"][data-sound="on"][data-played="1"]', { timeout: NEWS_MS });
  // Not within the pause after the sound of the switch.
  await page.waitForFunction((from) => Date.now() - from > 3_200, Date.now());
  await card(page, (await land.raise()).id);
  await page.waitForFunction(() => Number(document.querySelector('[data-switch="sound"]').dataset.played) >= 2, undefined, { timeout: NEWS_MS });
  await switchOf.click();
  await page.waitForSelector('[data-switch="sound"][data-sound="off"]');
  assert.deepEqual(complaints, []);
  await close();
});

test('of a long list of alerts the rest is drawn as somebody comes near to its end', async () => {
  const COUNT = 70;
  const raised = await land.raise();
  const { page, complaints, close } = await operations(browser, server.http);
  await page.route(/\/api\/v1\/alerts\?state=open/, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    const one = body.alerts.find(({ id }) => id === raised.id);
    return route.fulfill({ response, json: { ...body, alerts: Array.from({ length: COUNT }, (_, place) => ({ ...one, id: `${one.id}-${place}`, incident: null })) } });
  });
  await page.reload();
  const rows = page.locator('[data-list="open-alerts"] [data-row]');
  await rows.first().waitFor({ timeout: NEWS_MS });
  const first = await rows.count();
  assert.ok(first > 5 && first < COUNT, `${first} of ${COUNT}`);
  await rows.last().scrollIntoViewIfNeeded();
  await page.waitForFunction((before) => document.querySelectorAll('[data-list="open-alerts"] [data-row]').length > before, first, { timeout: NEWS_MS });
  // The keys step on to what is drawn meanwhile.
  await rows.last().focus();
  await page.waitForFunction((count) => {
    const all = document.querySelectorAll('[data-list="open-alerts"] [data-row]');
    if (all.length < count) document.dispatchEvent(new KeyboardEvent('keydown', { key: 'j', bubbles: true }));
    return all.length === count;
  }, COUNT, { timeout: NEWS_MS });
  assert.deepEqual(complaints, []);
  await close();
});
