// Walks of one minute: somebody who has never seen the system begins at `/` and finds what is asked for within four
// clicks. The page counts them itself, by its own click events; choosing from a list is two (opening it and choosing),
// whatever the browser makes of it. What is typed is no click, the click into the field is; a walk says what it types.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { card, eventually, NEWS_MS, operations, serious, shot, SIZES, stage } from './story.mjs';

const CLICKS_MAX = 4;
const GAUGE = 'RG-01';
/** Three stations of the air and what they measure, in µg/m³. */
const AIR = { 'AQ-03': 30, 'AQ-04': 140, 'AQ-05': 55 };

let server;
let browser;
let place;

stage(async (it) => {
  ({ server, browser, land: place } = it);
  // Thirteen hours: what the index of an hour is made of. A value that never changes would be taken for a stuck sensor.
  const begin = Math.floor(Date.now() / 300_000) * 300_000 - 13 * 3_600_000;
  for (const [station, dust] of Object.entries(AIR)) {
    await server.hand(station, Array.from({ length: 13 * 12 }, (_, count) => ({ time: new Date(begin + count * 300_000).toISOString(), pm2_5: dust + (count % 5) * 0.4, pm10: dust * 1.3 + (count % 7) * 0.4 })));
  }
  await eventually('the index of the air of three stations', async () => (await aqi()).length >= 3);
});

/** Current values of the index, the highest first. */
async function aqi() {
  const found = (await place.stations()).flatMap(({ id, properties }) => {
    const channel = properties.channels.find(({ property }) => property === 'vn_aqi');
    return channel?.value == null || !['live', 'late'].includes(channel.freshness) ? [] : [{ id, value: channel.value }];
  });
  return found.sort((a, b) => b.value - a.value);
}

/** Begins a walk: a page that counts clicks from the first one on, through every page that they lead to. */
async function walk(language, size = SIZES.laptop) {
  const room = await operations(browser, server.http, { language, size });
  const { page } = room;
  let clicks = 0;
  await page.exposeFunction('clicked', (count) => (clicks += count));
  const count = () => {
    if (globalThis.counts) return;
    globalThis.counts = true;
    // The browser itself makes a click for a label's field, and for a key on a button: neither has a `detail`.
    addEventListener('click', (event) => event.isTrusted && event.detail > 0 && !(event.target instanceof HTMLSelectElement) && globalThis.clicked(1), true);
    addEventListener('change', (event) => event.target instanceof HTMLSelectElement && globalThis.clicked(2), true);
  };
  await page.addInitScript(count);
  await page.evaluate(count);
  const done = async (name) => {
    assert.ok(clicks > 0, 'the page counted nothing');
    assert.ok(clicks <= CLICKS_MAX, `${name}: ${clicks} clicks`);
    assert.deepEqual(room.complaints, []);
    await room.close();
  };
  return { page, done };
}

for (const [language, words] of Object.entries({ vi: { order: 'Xếp theo', worst: /Không khí xấu nhất/, stations: 'Trạm' }, en: { order: 'Order by', worst: /Worst air/, stations: 'Stations' } })) {
  test(`where the air is worst now: ${language}`, async () => {
    const { page, done } = await walk(language);
    await page.getByRole('tab', { name: words.stations }).click();
    const order = page.getByLabel(words.order);
    const [, label] = (await order.locator('option').allInnerTexts()).map((text) => text.trim());
    assert.match(label, words.worst);
    await order.selectOption({ label });
    const first = page.locator('#alerts [data-list="stations"] [data-place="1"]').first();
    await first.waitFor();
    const [worst] = await aqi();
    assert.equal(await first.getAttribute('data-station'), worst.id);
    assert.match(await first.textContent(), new RegExp(`\\b${Math.round(worst.value)}\\b`));
    // Nothing old is in the order, and the order is that of the values.
    const placed = await page.locator('#alerts [data-place]').evaluateAll((rows) => rows.map((row) => [Number(row.dataset.place), Number(row.querySelector('.what span').textContent)]));
    assert.equal(placed.length, (await aqi()).length);
    assert.deepEqual(placed.map(([, value]) => value), placed.map(([, value]) => value).sort((a, b) => b - a));
    if (language === 'vi') {
      await shot(page, 'walk-worst-air');
      assert.deepEqual(await serious(page), []);
    }
    await done('the worst air');
  });

  test(`the alerts of one commune: ${language}`, async () => {
    const alert = await place.raise();
    const { page, done } = await walk(language);
    const communes = page.locator('[data-filter="area"]');
    await communes.locator(`option[value="${alert.area}"]`).waitFor({ state: 'attached' });
    // By the name that people know, not by its code.
    await communes.selectOption({ label: alert.area_name?.[language] ?? (await communes.locator(`option[value="${alert.area}"]`).innerText()) });
    const line = await card(page, alert.id);
    await line.waitFor();
    const shown = await page.locator('[data-list="open-alerts"] [data-station]').evaluateAll((cards) => [...new Set(cards.map((one) => one.dataset.station))]);
    const areas = new Map((await place.stations()).map(({ id, properties }) => [id, properties.area]));
    assert.deepEqual(shown.filter((station) => station !== '' && areas.get(station) !== alert.area), [], 'alerts of other communes');
    // What the filter leaves out is counted, not hidden.
    const open = await place.openAlerts();
    const outside = open.filter(({ area }) => area !== null && area !== alert.area).length;
    if (outside > 0) assert.ok(Number(await page.getAttribute('[data-outside]', 'data-outside')) > 0);
    await done('the alerts of a commune');
  });
}

for (const [language, why] of Object.entries({ vi: 'Vì sao', en: 'Why it was raised' })) {
  test(`why an alert was raised: ${language}`, async () => {
    const alert = await place.raise('camera_fire_score', 0.97);
    const { page, done } = await walk(language);
    await (await card(page, alert.id)).locator('[data-row]').click();
    const panel = page.locator(`[data-open-alert="${alert.id}"]`);
    await panel.getByText(why).first().waitFor();
    const said = await panel.innerText();
    assert.match(said, language === 'vi' ? /0,97/ : /0\.97/, 'the value');
    assert.ok(alert.threshold !== null && said.includes(String(alert.threshold).replace('.', language === 'vi' ? ',' : '.')), 'the threshold');
    assert.ok(said.includes(alert.rule), 'the rule by its name');
    await done('why');
  });
}

/** The month before this one in Viet Nam. */
function lastMonth() {
  const here = new Date(Date.now() + 7 * 3_600_000);
  return [-1, 0].map((months) => new Date(Date.UTC(here.getUTCFullYear(), here.getUTCMonth() + months, 1)).toISOString().slice(0, 10));
}

for (const [language, words] of Object.entries({ vi: { stations: 'Trạm', search: 'Tìm trạm', month: 'Tháng trước', rain: /Lượng mưa \(tổng\)/ }, en: { stations: 'Stations', search: 'Find a station', month: 'Last month', rain: /Rainfall \(sum\)/ } })) {
  test(`last month's rain of a gauge, seven letters typed: ${language}`, async () => {
    const { page, done } = await walk(language);
    await page.getByRole('tab', { name: words.stations }).click();
    await page.getByPlaceholder(words.search).click();
    await page.keyboard.type('ta leng');
    await page.locator(`#alerts [data-station="${GAUGE}"]`).click();
    await page.getByRole('link', { name: words.month }).click();
    await page.waitForSelector('#result[data-phase="ready"]', { timeout: NEWS_MS });
    const [from, to] = lastMonth();
    const asked = new URL(page.url()).searchParams;
    assert.deepEqual([asked.get('channel'), asked.get('from'), asked.get('to')], [`${GAUGE}/rainfall`, from, to]);
    assert.match(await page.locator('[data-subject]').innerText(), words.rain);
    await done("last month's rain");
  });
}

test('the walks are as short on a phone', async () => {
  const { page, done } = await walk('vi', SIZES.phone);
  await page.locator('nav.foot').getByRole('button', { name: 'Trạm' }).click();
  await page.locator('[data-order]').selectOption('vn_aqi');
  await page.locator('[data-place="1"]').first().waitFor();
  assert.equal(await page.locator('[data-place="1"]').first().getAttribute('data-station'), (await aqi())[0].id);
  await shot(page, 'walk-worst-air-phone');
  await done('the worst air on a phone');
});
