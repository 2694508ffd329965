// The field page on a phone against a running server: text first, on a network that hardly is one, and what is said
// without a network arrives once. Any console error fails a story, but where the story itself breaks the line.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { open } from './browser.mjs';
import { cuttableLine } from './server.mjs';
import { eventually, FIRST_IDLE_MS, NEWS_MS, serious, SIZES, stage } from './story.mjs';

const PHOTO = new URL('../../dashboards/web/public/field-512.png', import.meta.url);
/** The user's own bar for a first visit at 50 kbit/s and 800 ms. */
const COLD_MS_MAX = 10_000;

let server;
let browser;
let land;

stage((it) => ({ server, browser, land } = it));

async function phone({ http = server.http, language = 'vi', theme = 'light', ...context } = {}) {
  const opened = await open(browser, { ...SIZES.phone, hasTouch: true, isMobile: true, reducedMotion: 'reduce', ...context });
  opened.page.setDefaultTimeout(NEWS_MS * 2);
  const choose = ([word, look]) => {
    if (localStorage.getItem('saola.language') === null) localStorage.setItem('saola.language', word);
    if (localStorage.getItem('saola.theme') === null) localStorage.setItem('saola.theme', look);
  };
  await opened.page.context().addInitScript(choose, [language, theme]);
  const visit = async (page = opened.page) => {
    await page.goto(`${http}/field`);
    await page.waitForSelector('[data-list="ready"]', { timeout: NEWS_MS });
    return page;
  };
  return { ...opened, visit };
}

const item = (page, id) => page.locator(`article[data-alert="${id}"]`);
const deedsOf = async (id) => (await land.json(land.alertPath(id))).timeline.map((line) => line.deed).filter((deed) => deed);

/** The service worker has everything that the page is made of, and rules over it. */
const kept = (page) => page.waitForFunction(() => navigator.serviceWorker.controller !== null, null, { timeout: NEWS_MS });

const accessible = async (page, where) => assert.deepEqual(await serious(page), [], where);

test('alerts are told as text that works without a map, in both languages and themes', async () => {
  const alert = await land.raise();
  for (const [language, theme, words] of [
    ['vi', 'light', [/Mức \d\/5/, /Cách trung tâm|Tại trung tâm/, /WGS 84: 2\d\.\d{5}, 10\d\.\d{5}/, /VN-2000/, /ngưỡng/, /đến khi có thông báo mới/, /Chưa ai nhận/]],
    ['en', 'dark', [/Level \d\/5/, /of the centre of|At the centre of/, /WGS 84/, /threshold/, /until further notice/, /Nobody has taken it/]],
  ]) {
    const { page, complaints, visit, close } = await phone({ language, theme });
    await visit();
    const text = await item(page, alert.id).innerText();
    for (const word of words) assert.match(text, word);
    assert.match(await page.locator('[data-age]').innerText(), language === 'vi' ? /^Số liệu (vừa xong|\d+ giây trước)/ : /^As of (just now|\d+ s ago)/);
    await page.waitForSelector('[data-line="online"]');
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.equal(wide, 0, 'the page is wider than the screen');
    await item(page, alert.id).locator('[data-act="false"]').click();
    await item(page, alert.id).locator('[data-act="note"]').click();
    await page.click('[data-menu]');
    await page.waitForSelector('[data-note-form]');
    await accessible(page, `${language} ${theme}`);
    await page.click('[data-switch="language"]');
    await eventually('the text in the other language', async () => !words[0].test(await item(page, alert.id).innerText()));
    assert.deepEqual(complaints, []);
    await close();
  }
});

test('at 50 kbit/s and 800 ms the list is there within ten seconds of a first visit', async (t) => {
  await land.raise();
  const { page, complaints, close } = await phone();
  const line = await page.context().newCDPSession(page);
  await line.send('Network.enable');
  const throughput = 50_000 / 8;
  await line.send('Network.emulateNetworkConditions', { offline: false, latency: 800, downloadThroughput: throughput, uploadThroughput: throughput });
  let bytes = 0;
  line.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  const begun = Date.now();
  await page.goto(`${server.http}/field`, { waitUntil: 'commit' });
  await page.waitForSelector('[data-list="ready"] article', { timeout: 60_000 });
  const took = Date.now() - begun;
  t.diagnostic(`the list was there after ${took} ms and ${bytes} bytes`);
  assert.ok(took < COLD_MS_MAX, `it took ${took} ms`);
  assert.deepEqual(complaints, []);
  await close();
});

test('what is said without a network survives closing the page and arrives once', async () => {
  const alert = await land.raise();
  const line = await cuttableLine(server.http);
  const { page, visit, close } = await phone({ http: line.http });
  await visit();
  await kept(page);
  line.cut();
  // The page opens without a network, with what it held and how old that is.
  const later = await visit(await page.context().newPage());
  await page.close();
  await later.waitForSelector('[data-line="offline"]', { timeout: NEWS_MS });
  assert.match(await later.locator('[data-age]').innerText(), /^Số liệu /);
  const tapped = Date.now();
  await item(later, alert.id).locator('[data-act="acknowledged"]').click();
  await later.waitForSelector('[data-queue="1"]');
  await item(later, alert.id).locator('[data-act="on_my_way"]').click();
  await later.waitForSelector('[data-queue="2"]');
  assert.match(await later.locator('[data-queue]').innerText(), /2 báo cáo chờ gửi/);
  await item(later, alert.id).locator('[data-waiting="on_my_way"] button').click();
  await later.waitForSelector('[data-queue="1"]');
  await later.close();
  const again = await visit(await later.context().newPage());
  await again.waitForSelector('[data-queue="1"]');
  await again.waitForSelector('[data-line="offline"]');
  assert.deepEqual(await deedsOf(alert.id), []);
  line.mend();
  await again.click('[data-refresh]');
  await again.waitForSelector('[data-queue]', { state: 'detached', timeout: NEWS_MS });
  await item(again, alert.id).locator('[data-mine="acknowledged"]').waitFor();
  await again.click('[data-refresh]');
  await again.waitForSelector('[data-line="online"]');
  const deeds = await deedsOf(alert.id);
  assert.deepEqual(deeds.map((deed) => deed.what), ['acknowledged']);
  assert.ok(Math.abs(Date.parse(deeds[0].said_at) - tapped) < 10_000, `${deeds[0].said_at} is when it was said`);
  await close();
  await line.stop();
});

test('what waits is sent by the worker though the page is closed', async () => {
  const alert = await land.raise();
  const line = await cuttableLine(server.http);
  const { page, visit, close } = await phone({ http: line.http });
  await visit();
  await kept(page);
  const beside = await page.context().newPage();
  const wires = await beside.context().newCDPSession(beside);
  const found = new Promise((resolve) => {
    wires.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const own = registrations.find(({ scopeURL, isDeleted }) => scopeURL === `${line.http}/field` && !isDeleted);
      if (own) resolve(own.registrationId);
    });
  });
  await wires.send('ServiceWorker.enable');
  const registrationId = await found;
  line.cut();
  await item(page, alert.id).locator('[data-act="on_my_way"]').click();
  await page.waitForSelector('[data-queue="1"]');
  await page.waitForSelector('[data-line="offline"]');
  await page.close();
  line.mend();
  await eventually('the report by the worker alone', async () => {
    await wires.send('ServiceWorker.dispatchSyncEvent', { origin: line.http, registrationId, tag: 'saola-reports', lastChance: false });
    return (await deedsOf(alert.id)).length > 0;
  });
  const later = await visit(beside);
  await later.waitForSelector('[data-line="online"]');
  assert.equal(await later.locator('[data-queue]').count(), 0);
  assert.deepEqual((await deedsOf(alert.id)).map((deed) => deed.what), ['acknowledged']);
  await close();
  await line.stop();
});

test('an answer that was lost on the way makes no second report', async () => {
  const alert = await land.raise();
  const { page, visit, close } = await phone({ serviceWorkers: 'block' });
  await visit();
  let lost = 0;
  await page.route('**/api/v1/field/reports', async (route) => {
    await route.fetch();
    lost += 1;
    await route.abort('connectionreset');
  });
  await item(page, alert.id).locator('[data-act="confirmed"]').click();
  await eventually('the report at the server', async () => (await deedsOf(alert.id)).length > 0);
  await page.waitForSelector('[data-queue="1"]');
  await page.waitForSelector('[data-line="offline"]');
  await page.unroute('**/api/v1/field/reports');
  await page.click('[data-refresh]');
  await page.waitForSelector('[data-queue]', { state: 'detached', timeout: NEWS_MS });
  assert.ok(lost > 0);
  const deeds = await deedsOf(alert.id);
  assert.equal(deeds.length, 1);
  assert.match(deeds[0].text, /Đã xác nhận tại hiện trường/);
  await close();
});

test('a note goes with a photo made small, and a false alarm is asked about before it closes', async () => {
  const alert = await land.raise();
  const { page, complaints, visit, close } = await phone();
  await visit();
  const one = item(page, alert.id);
  await one.locator('[data-act="note"]').click();
  await page.waitForSelector('[data-note-form]');
  await page.click('[data-note-form] button[type="submit"]');
  await page.waitForFunction(() => document.querySelector('[data-note-form] [role="alert"]')?.textContent?.includes('Hãy viết'));
  await page.fill('[data-note-form] textarea', 'khói trắng, gió tây');
  await page.setInputFiles('[data-note-form] input[type="file"]', { name: 'a.png', mimeType: 'image/png', buffer: readFileSync(PHOTO) });
  await page.waitForSelector('[data-note-form] img');
  await page.click('[data-note-form] button[type="submit"]');
  const [note] = await eventually('the note at the server', async () => ((found) => (found.length > 0 ? found : null))(await deedsOf(alert.id)));
  assert.equal(note.what, 'commented');
  // Whoever sent it, page or worker: it waits no more.
  await page.waitForSelector('[data-queue]', { state: 'detached', timeout: NEWS_MS });
  assert.match(note.text, /^khói trắng, gió tây · \/api\/v1\/field\/photos\/[0-9a-f-]{36}$/);
  const photo = await fetch(server.http + note.text.split(' · ')[1]);
  assert.equal(photo.status, 200);
  assert.equal(photo.headers.get('content-type'), 'image/jpeg');
  assert.ok((await photo.arrayBuffer()).byteLength < 120_000);

  await one.locator('[data-act="false"]').click();
  await one.locator('[data-act="false-yes"]').waitFor();
  assert.equal((await deedsOf(alert.id)).length, 1, 'asked, not said');
  await one.locator('[data-act="false-yes"]').click();
  const closed = await eventually('the close', async () => (await deedsOf(alert.id)).find((deed) => deed.what === 'closed'));
  assert.equal(closed.why, 'false_alarm');
  // Its condition holds: it stands among what is dealt with.
  await page.waitForSelector(`details article[data-alert="${alert.id}"]`, { state: 'attached', timeout: NEWS_MS });
  assert.deepEqual(complaints, []);
  await close();
});

test('the map comes when it is asked for, and is there again without a network', async () => {
  const alert = await land.raise();
  const line = await cuttableLine(server.http);
  const { page, complaints, visit, close } = await phone({ http: line.http });
  const asked = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await visit();
  await kept(page);
  assert.deepEqual(asked.filter((path) => /maplibre|tiles|woff|geo/.test(path)), []);
  const show = async (where) => {
    await where.click('[data-map-switch]');
    await where.waitForSelector('[data-map-state="idle"]', { timeout: FIRST_IDLE_MS });
    await where.waitForSelector(`[data-pin="${alert.id}"]`, { state: 'attached' });
  };
  await show(page);
  assert.ok(asked.some((path) => path.startsWith('/tiles/areas/')));
  await accessible(page, 'map');
  assert.deepEqual(complaints, []);
  line.cut();
  const later = await visit(await page.context().newPage());
  await show(later);
  await close();
  await line.stop();
});

test('the page can be installed', async () => {
  const { page, complaints, visit, close } = await phone();
  await visit();
  await kept(page);
  const line = await page.context().newCDPSession(page);
  const { url, errors, data } = await line.send('Page.getAppManifest');
  assert.deepEqual([new URL(url).pathname, errors], ['/field.webmanifest', []]);
  const { icons, start_url: start, scope } = JSON.parse(data);
  assert.deepEqual([start, scope], ['/field', '/field']);
  for (const { src, type } of icons) {
    const icon = await fetch(server.http + src);
    assert.deepEqual([icon.status, icon.headers.get('content-type')], [200, type]);
  }
  const { installabilityErrors } = await line.send('Page.getInstallabilityErrors');
  assert.deepEqual(installabilityErrors.filter(({ errorId }) => errorId !== 'in-incognito'), []);
  assert.deepEqual(complaints, []);
  await close();
});

test('whoever is not signed in gets the door, and nothing else', async () => {
  const { page, close } = await phone({ serviceWorkers: 'block' });
  let signedIn = false;
  await page.route('**/api/v1/field/sync*', (route) => (signedIn ? route.continue() : route.fulfill({ status: 401, json: { code: 'unauthenticated' } })));
  await page.route('**/api/v1/session', (route) => {
    signedIn = route.request().postDataJSON().password === 'right';
    return signedIn ? route.fulfill({ json: { name: 'lan' } }) : route.fulfill({ status: 401, json: { code: 'wrong_credentials' } });
  });
  await page.goto(`${server.http}/field`);
  await page.fill('#name', 'lan');
  assert.equal(await page.locator('article').count(), 0);
  await page.fill('#password', 'right');
  await page.click('button[type="submit"]');
  await page.waitForSelector('[data-list="ready"]', { timeout: NEWS_MS });
  assert.equal(await page.locator('#name').count(), 0);
  await close();
});
