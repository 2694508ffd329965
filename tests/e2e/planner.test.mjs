// The planner's page in a real browser against a running server: asking about the past, passing the answer on, and
// never taking thin data for firm. Any console error or failed request fails the test.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { open } from './browser.mjs';
import { everyFiveMinutes, shot, stage } from './story.mjs';

const SIZES = { wall: { width: 1920, height: 1080 }, laptop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const PATIENCE_MS = 30_000;
const DAY_MS = 86_400_000;
const GAUGE = 'RG-01';
const AIR = 'AQ-02';

/** The month before this one in Viet Nam: `from` and `to` as days, and midnight of its first day. */
function lastMonth() {
  const here = new Date(Date.now() + 7 * 3_600_000);
  const [from, to] = [-1, 0].map((months) => new Date(Date.UTC(here.getUTCFullYear(), here.getUTCMonth() + months, 1)).toISOString().slice(0, 10));
  const begin = Date.parse(`${from}T00:00:00+07:00`);
  return { from, to, begin, days: Math.round((Date.parse(`${to}T00:00:00+07:00`) - begin) / DAY_MS) };
}
const MONTH = lastMonth();
const LINK = `/history?channel=${GAUGE}/rainfall&from=${MONTH.from}&to=${MONTH.to}`;

let server;
let browser;

/** A month of a channel, five minutes apart; `value` is null where nothing was observed. */
const month = (property, value) => everyFiveMinutes(MONTH.begin, MONTH.days, property, value);

stage(async (it) => {
  ({ server, browser } = it);
  // The gauge: 28.8 mm on the 3rd; 19.2 mm in a third of the 5th; nothing from the 10th to the 12th. A value that never
  // changes would be taken for a sensor that is stuck.
  const rain = (day, place) => (day === 2 ? (place % 2) * 0.2 : day === 4 ? (place % 6 === 0 ? 0.4 : 0) : 0);
  await server.hand(GAUGE, month('rainfall', (day, place) => ((day >= 9 && day <= 11) || (day === 4 && place % 3 !== 0) ? null : rain(day, place))));
  // The air: above the limit on the 2nd, and in a third of the 4th.
  const dust = (day, place) => (day === 1 || day === 3 ? 52 : 38) + (place % 7) * 0.3;
  await server.hand(AIR, month('pm2_5', (day, place) => (day === 3 && place % 3 !== 0 ? null : dust(day, place))));
  // What was acknowledged is on disk; history follows it.
  const sum = async () => {
    const answer = await (await fetch(`${server.http}/api/v1/history?channel=${GAUGE}/rainfall&channel=${AIR}/pm2_5&from=${MONTH.from}&to=${MONTH.to}&every=1mo&fn=count&quality=all`)).json();
    return answer.channels.map(({ buckets }) => buckets[0].count);
  };
  const expected = [MONTH.days * 288 - 3 * 288 - 192, MONTH.days * 288 - 192];
  const deadline = Date.now() + PATIENCE_MS;
  for (let counts = []; counts.join() !== expected.join(); counts = await sum()) {
    assert.ok(Date.now() < deadline, `history holds ${counts}, not ${expected}`);
  }
});

const ready = (page) => page.waitForSelector('#result[data-phase="ready"]', { timeout: PATIENCE_MS });

async function opened(size, link = '/history', context = {}) {
  const room = await open(browser, { ...SIZES[size], ...context });
  await room.page.goto(server.http + link);
  await room.page.waitForSelector('[data-list="channels"] [data-channel], [data-what="areas"][aria-pressed="true"]', { timeout: PATIENCE_MS, state: 'attached' });
  return room;
}

const table = (page) => page.locator('[data-table="buckets"] tbody tr').evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim())));
const dayCell = (day) => `${MONTH.from.slice(8).replace('01', String(day).padStart(2, '0'))}/${MONTH.from.slice(5, 7)}/${MONTH.from.slice(0, 4)}`;

test("last month's rain of a gauge takes at most four clicks, found without diacritics", async () => {
  const { page, complaints, close } = await opened('laptop');
  let clicks = 0;
  const click = async (selector) => {
    clicks += 1;
    await page.click(selector);
  };
  await click('#seek');
  await page.keyboard.type('ta leng mua');
  await click(`[data-channel="${GAUGE}/rainfall"]`);
  await click('[data-preset="lastMonth"]');
  await ready(page);
  assert.ok(clicks <= 4, `${clicks} clicks`);

  const rows = await table(page);
  assert.equal(rows.length, MONTH.days);
  assert.equal(rows[2][0], dayCell(3));
  assert.equal(rows[2][1], '28,8');
  const whole = Number(await page.getAttribute(`[data-table="summary"] [data-series="${GAUGE}/rainfall"] [data-whole]`, 'data-whole'));
  assert.ok(Math.abs(whole - (28.8 + 19.2)) < 1e-6, `${whole} mm`);
  assert.match(await page.locator('[data-subject]').innerText(), /Lượng mưa \(tổng\)/);
  assert.match(await page.locator('[data-tiers]').innerText(), /bảng|từng mẫu/);
  await shot(page, 'planner-rain-laptop');
  assert.deepEqual(complaints, []);
  await close();
});

test('the link leads somebody else to the same view', async () => {
  const first = await opened('laptop', `${LINK}&channel=${AIR}/pm2_5`);
  await ready(first.page);
  await first.page.selectOption('#compare', 'before');
  await first.page.click('[data-fn="mean"]');
  await first.page.click('[data-fn="max"]');
  await first.page.waitForFunction(() => new URLSearchParams(location.search).get('fn') === 'mean,max');
  await ready(first.page);
  await first.page.waitForSelector('[data-panel]:nth-of-type(4)');
  const link = await first.page.evaluate(() => location.pathname + location.search);
  const panels = (page) => page.locator('[data-panel]').evaluateAll((figures) => figures.map((figure) => figure.dataset.panel));
  const seen = [await table(first.page), await panels(first.page), await first.page.locator('article > header h2').innerText()];

  const second = await opened('laptop', link);
  await ready(second.page);
  assert.deepEqual([await table(second.page), await panels(second.page), await second.page.locator('article > header h2').innerText()], seen);
  assert.equal(await second.page.inputValue('#compare'), 'before');
  assert.equal(await second.page.getAttribute('[data-fn="max"]', 'aria-pressed'), 'true');

  // And the way back is the view before.
  await second.page.click('[data-preset="days7"]');
  await ready(second.page);
  await second.page.goBack();
  await second.page.waitForFunction((from) => document.querySelector('#from').value === from, MONTH.from);
  await ready(second.page);
  assert.deepEqual([first.complaints, second.complaints], [[], []]);
  await Promise.all([first.close(), second.close()]);
});

test('thin data can be seen to be thin: in the picture, in figures and in words', async () => {
  const { page, complaints, close } = await opened('laptop', LINK);
  await ready(page);
  const figure = page.locator('[data-panel]').first();
  const holes = await figure.locator('[data-hole]').evaluateAll((found) => found.map((hole) => Number(hole.getAttribute('width'))));
  const width = await figure.locator('svg[role="img"]').evaluate((svg) => Number(svg.querySelector('.strips .ground').getAttribute('d').match(/h([\d.]+)/)[1]));
  assert.equal(holes.length, 1);
  assert.ok(Math.abs(holes[0] / width - 3 / MONTH.days) < 0.001, 'three days are hatched');
  const thin = figure.locator('path.bar[data-firmness="thin"]');
  assert.match(await thin.getAttribute('fill'), /^url\(/, 'a thin bar is hatched');
  assert.equal(await figure.locator('.doubt').count(), 1, 'and carries a sign');
  assert.match(await figure.locator('path.bar[data-firmness="firm"]').getAttribute('fill'), /^var\(/);
  for (const kind of ['Đủ', 'Thiếu', 'Rất thiếu', 'Không có số liệu', 'Chưa trọn kỳ']) {
    assert.match(await page.locator('[data-legend="firmness"]').innerText(), new RegExp(kind));
  }
  const rows = await table(page);
  assert.match(rows[4][1], /^≥/, 'what came is the least that fell');
  assert.match(rows[4][2], /33\s*% \(96\/288\).*thiếu/);
  assert.match(rows[10].join(' '), /– 0\s*% \(0\/288\).*không có số liệu/);
  assert.match(rows[0][2], /100\s*%/);

  // A whole month of too little is not written like a whole one.
  await page.selectOption('#every', '1mo');
  await page.waitForFunction(() => document.querySelectorAll('[data-table="buckets"] tbody tr').length === 1);
  assert.match((await table(page))[0][1], /48,0/);
  await page.click('[data-preset="lastYear"]');
  await page.waitForSelector('[data-empty]');
  assert.match(await page.locator('[data-empty]').innerText(), /không có nghĩa là không có gì xảy ra/);
  assert.deepEqual(complaints, []);
  await close();
});

test('days are judged by the limit of their date, and thin ones are not judged', async () => {
  const { page, complaints, close } = await opened('laptop', LINK.replace(`${GAUGE}/rainfall`, `${AIR}/pm2_5`));
  await ready(page);
  const judged = page.locator(`[data-judged="${AIR}/pm2_5"]`);
  assert.equal(await judged.getAttribute('data-over'), '1');
  assert.equal(await judged.locator('[data-unjudged]').getAttribute('data-unjudged'), '1');
  assert.match(await judged.innerText(), /QCVN 05:2023\/BTNMT[\s\S]*trong đó 1 kỳ có trị cao hơn/);
  // Before the regulation there was another, which the page only remembers.
  await page.fill('#last', '2023-09-30');
  await page.fill('#from', '2023-08-01');
  await page.locator('#from').blur();
  await page.waitForFunction(() => document.querySelector('[data-section="limits"]')?.textContent.includes('QCVN 05:2013'));
  assert.match(await page.locator('[data-section="limits"]').innerText(), /chưa xác nhận/);
  assert.deepEqual(complaints, []);
  await close();
});

test('a file comes with its rows, its hash and its manifest', async () => {
  const { page, complaints, close } = await opened('laptop', LINK, { acceptDownloads: true });
  await ready(page);
  for (const [offer, ending] of [['csv', 'csv'], ['ndjson', 'ndjson'], ['parquet', 'parquet'], ['excel', 'csv']]) {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`[data-download="${offer}"]`)]);
    assert.equal(download.suggestedFilename(), `${GAUGE}_rainfall_${MONTH.from}_${MONTH.to}_1d.${ending}`);
    const bytes = await readFile(await download.path());
    await page.waitForSelector(`[data-downloaded="${download.suggestedFilename()}"]`);
    const [sheet] = await Promise.all([page.waitForEvent('download'), page.click('[data-action="manifest"]')]);
    assert.equal(sheet.suggestedFilename(), `${download.suggestedFilename()}.manifest.json`);
    const manifest = JSON.parse(await readFile(await sheet.path(), 'utf8'));
    assert.equal(manifest.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.equal(manifest.bytes, bytes.length);
    assert.equal(manifest.rows, MONTH.days);
    assert.equal(manifest.tz, 'Asia/Ho_Chi_Minh');
    assert.deepEqual(manifest.channels.map(({ channel, unit }) => [channel, unit]), [[`${GAUGE}/rainfall`, 'mm']]);
    if (offer === 'csv') assert.match(bytes.toString('utf8'), /^time,sum,count,expected,completeness/);
    if (offer === 'excel') assert.equal(bytes.subarray(0, 3).toString('hex'), 'efbbbf');
    if (offer === 'parquet') assert.equal(bytes.subarray(0, 4).toString(), 'PAR1');
  }
  assert.deepEqual(complaints, []);
  await close();
});

test('the print is a report: sources, question, zone and completeness on white paper', async () => {
  const { page, complaints, close } = await opened('laptop', LINK);
  await ready(page);
  await page.emulateMedia({ media: 'print' });
  await page.waitForFunction(() => document.querySelector('[data-panel] svg[role="img"]').getAttribute('width') === '690');
  for (const hidden of ['header.no-print', 'aside', '.actions', 'input[type="range"]']) {
    assert.equal(await page.locator(hidden).first().isVisible(), false, `${hidden} is not for paper`);
  }
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
  const sources = await page.locator('[data-section="sources"]').innerText();
  for (const part of ['Asia/Ho_Chi_Minh', `channel=${GAUGE}/rainfall`, 'every=1d', 'fn=sum', '/history?', 'chỉ mẫu tốt', '%', GAUGE]) {
    assert.ok(sources.includes(part), `the sources do not say ${part}:\n${sources}`);
  }
  assert.ok(await page.getByText('Người lập báo cáo').isVisible());
  assert.ok(await page.locator('[data-table="buckets"]').isVisible());
  const paper = await page.pdf({ preferCSSPageSize: true });
  assert.equal(paper.subarray(0, 5).toString(), '%PDF-');
  assert.ok((paper.toString('latin1').match(/\/Type \/Page\b[^s]/g) ?? []).length >= 2);
  assert.deepEqual(complaints, []);
  await close();
});

test('what is too large is answered by ways to ask for less', async () => {
  const { page, complaints, close } = await opened('laptop', `${LINK.replace(MONTH.from, '2016-01-01')}&every=1m`);
  await page.waitForSelector('[data-advice="narrow"]');
  await shot(page, 'planner-advice-laptop');
  await page.click('[data-narrower="longer"]');
  await ready(page);
  assert.deepEqual(complaints, []);

  // The server's own refusal, in its words: what it says to a hundred years of minutes stands for years of percentiles
  // over a province, which this little history would answer.
  const refusal = await fetch(`${server.http}/api/v1/history?channel=${GAUGE}/rainfall&from=1926-01-01&to=${MONTH.to}&every=1m`);
  assert.equal(refusal.status, 422);
  const body = await refusal.text();
  await page.route(/v1\/history\?.*p95/, (route) => route.fulfill({ status: 422, contentType: 'application/problem+json', body }));
  await page.goto(`${server.http}${LINK}&fn=mean,p95`);
  await page.waitForSelector('[data-advice="narrow"]');
  assert.match(await page.locator('[data-advice]').innerText(), /Máy chủ từ chối trước khi đọc/);
  assert.ok(complaints.every((complaint) => /422/.test(complaint)), complaints.join('\n'));
  await page.click('[data-narrower="plain"]');
  await ready(page);
  await close();
});

test('areas are told with their stations, the whole picture by the keyboard alone', async () => {
  const { page, complaints, close } = await opened('laptop', `/history?what=areas&property=rainfall&fn=mean&from=${MONTH.from}&to=${MONTH.to}`);
  await ready(page);
  assert.ok((await page.locator('[data-table="summary"] tbody tr').count()) > 1);
  assert.match((await table(page))[0].join(' '), /\d+\/\d+/);
  // Which areas are drawn is a choice, and part of the link.
  const drawn = page.locator('[data-panel] .legend [data-series]');
  assert.equal(await drawn.count(), 1, 'one commune has a gauge with data');
  await page.locator('[data-table="summary"] input[type="checkbox"]').nth(2).check();
  await page.waitForFunction(() => document.querySelectorAll('[data-panel] .legend [data-series]').length === 2);
  assert.match(page.url(), /drawn=\d+,\d+/);
  await page.focus('[data-panel] input[type="range"]');
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await page.waitForSelector('[data-readout="2"]');
  assert.match(await page.locator('[data-readout]').first().innerText(), new RegExp(dayCell(3)));
  assert.deepEqual(complaints, []);
  await close();
});

test('whoever is not signed in gets the door, and then the view of the link', async () => {
  const { page, close } = await open(browser, SIZES.phone);
  let signedIn = false;
  await page.route('**/api/v1/me', (route) => (signedIn ? route.fulfill({ json: { name: 'lan', role: 'planner', areas: null, demo: false } }) : route.fulfill({ status: 401, json: { status: 401, code: 'unauthenticated' } })));
  await page.route('**/api/v1/session', (route) => {
    signedIn = true;
    return route.fulfill({ json: { name: 'lan' } });
  });
  await page.goto(server.http + LINK);
  await page.fill('#name', 'lan');
  await page.fill('#password', 'right');
  await page.click('button[type="submit"]');
  await ready(page);
  assert.equal((await table(page)).length, MONTH.days);
  await close();
});

for (const [size, viewport] of Object.entries(SIZES)) {
  test(`the page stands at ${viewport.width} x ${viewport.height}, in both languages and themes`, async () => {
    const { page, complaints, close } = await opened(size, `${LINK}&channel=${AIR}/pm2_5&compare=before`);
    await ready(page);
    await shot(page, `planner-${size}-vi-dark`);
    await page.click('[data-switch="language"]');
    await page.click('[data-switch="theme"]');
    await page.waitForFunction(() => document.documentElement.lang === 'en' && document.documentElement.dataset.theme === 'light');
    await shot(page, `planner-${size}-en-light`);
    assert.match(await page.locator('[data-subject]').innerText(), /Rainfall \(sum\)/);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, 'the page is wider than the screen');
    assert.deepEqual(complaints, []);
    await close();
  });
}
