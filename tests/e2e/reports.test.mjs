// Two reports of the planner's page in a real browser: how much of the forest is watched against the targets, and a
// period on the map. What is unknown, thin or not over must look so in the picture, in figures and on paper.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { open } from './browser.mjs';
import { eventually, everyFiveMinutes, FIRST_IDLE_MS, serious, shot, SIZES, stage } from './story.mjs';

const PATIENCE_MS = 30_000;
const DAY_MS = 86_400_000;
const POST = 'FS-HL-01';
/** Two gauges of one commune, one that reports a third of the time, and one that did not report. */
const [WET, DRY, THIN, SILENT] = ['RG-13', 'RG-14', 'RG-04', 'RG-05'];
const COMMUNE = '03390';

/** First days of the months so many before this one, in Viet Nam. */
function months(...before) {
  const here = new Date(Date.now() + 7 * 3_600_000);
  return before.map((count) => new Date(Date.UTC(here.getUTCFullYear(), here.getUTCMonth() - count, 1)).toISOString().slice(0, 10));
}
/** The month before the last one: stories of other files look at the last one. */
const [BEFORE, FROM, TO] = months(3, 2, 1);
const DAYS = Math.round((Date.parse(TO) - Date.parse(FROM)) / DAY_MS);
const COVERAGE = `/history?what=coverage&by=commune&from=${BEFORE}&to=${TO}`;
const MAP = `/history?what=map&property=rainfall&from=${FROM}&to=${TO}&fn=sum`;

let server;
let browser;

/** The month of a channel, five minutes apart, in messages of a day. */
const month = (property, value) => everyFiveMinutes(Date.parse(`${FROM}T00:00:00+07:00`), DAYS, property, value);

stage(async (it) => {
  ({ server, browser } = it);
  await server.hand(POST, month('camera_fire_score', (day, place) => 0.02 + (place % 7) * 0.01));
  await server.hand(WET, month('rainfall', (day, place) => (day === 2 ? (place % 2) * 0.4 : 0)));
  await server.hand(DRY, month('rainfall', (day, place) => (day === 3 ? (place % 2) * 0.2 : 0)));
  await server.hand(THIN, month('rainfall', (day, place) => (place % 3 === 0 ? (day === 2 ? ((place / 3) % 2) * 2 : 0) : null)));
  const channels = [`${POST}/camera_fire_score`, ...[WET, DRY, THIN].map((gauge) => `${gauge}/rainfall`)];
  const query = channels.map((channel) => `channel=${channel}`).join('&');
  await eventually('a month of four channels', async () => {
    const answer = await (await fetch(`${server.http}/api/v1/history?${query}&from=${FROM}&to=${TO}&every=100y&fn=count&quality=all`)).json();
    return answer.channels.map(({ buckets }) => buckets[0]?.count).join() === [DAYS * 288, DAYS * 288, DAYS * 288, DAYS * 96].join();
  });
});

async function opened(link, size = SIZES.laptop, context = {}) {
  const room = await open(browser, { ...size, ...context });
  await room.page.goto(server.http + link);
  await ready(room.page);
  return room;
}
const ready = (page) => page.waitForSelector('#result[data-phase="ready"]', { timeout: PATIENCE_MS });
const rows = (page, table) => page.locator(`[data-table="${table}"] tbody tr`).evaluateAll((found) => found.map((row) => [...row.children].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim())));
const answer = async (path) => (await fetch(server.http + path)).json();

test('coverage is told over its months with the targets drawn in, and by part', async () => {
  const { page, complaints, close } = await open(browser, SIZES.laptop);
  await page.goto(`${server.http}/history`);
  // One click leads there; the years are chosen already.
  await page.click('[data-what="coverage"]');
  await ready(page);
  assert.match(page.url(), /what=coverage&by=commune&from=\d{4}-01-01/);
  assert.equal((await rows(page, 'coverage-periods')).length, 5);
  assert.equal(await page.locator('[data-target-line]').count(), 2);
  assert.deepEqual(await page.locator('[data-section="coverage-now"] [data-target]').evaluateAll((found) => found.map((one) => one.dataset.target)), ['2025', '2030']);
  assert.match(await page.locator('[data-section="services"]').innerText(), /40.% vào cuối năm 2025[\s\S]*100.% vào cuối năm 2030/);

  await page.goto(server.http + COVERAGE);
  await ready(page);
  const history = await answer(`/api/v1/coverage/history?every=1mo&from=${BEFORE}&to=${TO}`);
  const [none, some] = history.periods;
  assert.ok(none.unknown === 'not_begun' && none.stations === null && some.stations === 1 && some.share > 0, JSON.stringify(history.periods));
  const told = await rows(page, 'coverage-periods');
  assert.equal(told.length, 2);
  assert.match(told[0].at(-1), /không biết: chưa có trạm giám sát rừng nào/);
  assert.equal(told[0][3], '–');
  assert.equal(told[1][3], '1');
  assert.equal(told[1][4], new Intl.NumberFormat('vi', { maximumFractionDigits: 0 }).format(some.watched_ha));
  const bars = page.locator('[data-chart="coverage"] rect[data-firmness="firm"]');
  assert.equal(await bars.count(), 1);
  assert.equal(await page.locator('[data-chart="coverage"] rect[data-firmness="none"]').count(), 1);
  assert.match(await page.locator('[data-invented]').innerText(), /vẽ ra để trình diễn/);

  // Another part of the same answer asks nothing anew, and is in the link.
  let asked = 0;
  page.on('request', (request) => (asked += /coverage/.test(request.url()) ? 1 : 0));
  for (const by of ['owner', 'forest_type', 'commune']) {
    await page.selectOption('#coverage-by', by);
    await page.waitForSelector(`[data-table="coverage-parts"][data-by="${by}"]`);
    const groups = (await answer(`/api/v1/coverage?by=${by}&at=${TO}`)).groups;
    assert.equal((await rows(page, 'coverage-parts')).length, groups.length);
    assert.match(page.url(), new RegExp(`by=${by}`));
  }
  assert.equal(asked, 0);
  assert.deepEqual(await serious(page), []);
  assert.deepEqual(complaints, []);
  await close();
});

test('months of which samples were deleted are left empty, never drawn as zero', async () => {
  const { page, complaints, close } = await open(browser, SIZES.laptop);
  await page.route('**/api/v1/coverage/history?*', async (route) => {
    const body = await (await route.fetch()).json();
    Object.assign(body.periods[0], { stations: null, watched_ha: null, share: null, unknown: 'deleted' });
    body.kept_since = body.periods[1].from;
    await route.fulfill({ json: body });
  });
  await page.goto(server.http + COVERAGE);
  await ready(page);
  const hole = page.locator('[data-chart="coverage"] rect[data-firmness="none"]');
  assert.equal(await hole.count(), 1);
  assert.match(await hole.getAttribute('fill'), /^url\(/);
  const [unknown] = await rows(page, 'coverage-periods');
  assert.equal(unknown[1], '–');
  assert.match(unknown.at(-1), /không còn biết/);
  assert.match(await page.locator('[data-section="sources"]').innerText(), /đã xoá theo thời hạn lưu/);
  assert.deepEqual(complaints, []);
  await close();
});

test('coverage leaves as files and as paper, and its link leads somebody else there', async () => {
  const { page, complaints, close } = await opened(COVERAGE.replace('commune', 'owner'), SIZES.laptop, { acceptDownloads: true });
  const file = async (offer) => {
    const [download] = await Promise.all([page.waitForEvent('download'), page.click(`[data-download="${offer}"]`)]);
    return [download.suggestedFilename(), await readFile(await download.path(), 'utf8')];
  };
  const history = await answer(`/api/v1/coverage/history?every=1mo&from=${BEFORE}&to=${TO}`);
  const [name, periods] = await file('periods');
  assert.equal(name, `coverage_1mo_${BEFORE}_${TO}.csv`);
  assert.equal(periods.split('\r\n')[2], `${FROM}T00:00:00+07:00,${TO}T00:00:00+07:00,false,1,${history.periods[1].forest_ha},${history.periods[1].watched_ha},${history.periods[1].share},${history.periods[1].target},`);
  const [, groups] = await file('groups');
  assert.match(groups, /^\uFEFFby,id,name_vi,name_en,forest_ha,watched_ha,share,units\r\nowner,/);
  const [, json] = await file('json');
  assert.deepEqual(JSON.parse(json).history.periods, history.periods);

  await page.emulateMedia({ media: 'print' });
  for (const hidden of ['aside', '.actions']) assert.equal(await page.locator(hidden).first().isVisible(), false, `${hidden} is not for paper`);
  assert.ok(await page.getByText('Người lập báo cáo').isVisible());
  const sources = await page.locator('[data-section="sources"]').innerText();
  for (const part of ['/api/v1/coverage?at=', '/api/v1/coverage/history?every=1mo', 'what=coverage', '75 %']) assert.ok(sources.includes(part), `the sources do not say ${part}:\n${sources}`);
  const other = await opened(new URL(page.url()).pathname + new URL(page.url()).search);
  assert.deepEqual(await rows(other.page, 'coverage-parts'), await rows(page, 'coverage-parts'));
  assert.deepEqual([complaints, other.complaints], [[], []]);
  await Promise.all([close(), other.close()]);
});

/** The map with everything on it that is asked for. */
async function drawn(page, points) {
  await page.waitForFunction((wanted) => {
    const map = document.querySelector('[data-map-state="idle"][data-drawn]');
    return map !== null && Number(map.dataset.drawn.split(',')[0]) >= wanted;
  }, points, { timeout: FIRST_IDLE_MS });
}

/** The colour of the map where a row of the table is, as #rrggbb. */
async function colourAt(page, id) {
  await page.focus(`[data-point="${id}"] a`);
  const at = await page.waitForFunction(() => document.querySelector('[data-chosen-at]')?.dataset.chosenAt || null);
  const [x, y] = (await at.jsonValue()).split(',').map(Number);
  return page.evaluate(([left, top]) => {
    const map = document.querySelector('[data-map-state] canvas');
    const copy = Object.assign(document.createElement('canvas'), { width: map.width, height: map.height });
    const context = copy.getContext('2d', { willReadFrequently: true });
    context.drawImage(map, 0, 0);
    const ratio = map.width / map.clientWidth;
    const [red, green, blue] = context.getImageData(Math.round(left * ratio), Math.round(top * ratio), 1, 1).data;
    return `#${[red, green, blue].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
  }, [x, y]);
}

test('a month of rain on the map: colours of values, thin ones hatched, missing ones struck through', async () => {
  const { page, complaints, close } = await opened(MAP);
  const told = Object.fromEntries(await page.locator('[data-table="map-stations"] tbody tr').evaluateAll((found) => found.map((row) => [row.dataset.point, [row.dataset.firmness, row.querySelector('[data-value]')?.dataset.value ?? null, row.innerText]])));
  const near = (value, expected) => assert.ok(Math.abs(Number(value) - expected) < 1e-6, `${value} mm, not ${expected}`);
  assert.equal(told[WET][0], 'firm');
  near(told[WET][1], 57.6);
  near(told[DRY][1], 28.8);
  // The greatest of all has a third of its samples: hatched, below all that have enough, and said to be the least.
  assert.equal(told[THIN][0], 'thin');
  near(told[THIN][1], 96);
  assert.match(told[THIN][2], /≥\s*96,0[\s\S]*33\s*%[\s\S]*Thiếu/);
  const order = Object.keys(told);
  assert.ok(order.indexOf(THIN) > order.indexOf(DRY));

  const shown = await page.locator('[data-table="map-stations"] tbody tr').count();
  await drawn(page, 10);
  assert.ok(Number((await page.getAttribute('[data-drawn]', 'data-drawn')).split(',')[1]) >= 1, 'a commune is filled');
  const colours = await page.locator('[data-legend="values"] rect').evaluateAll((found) => found.map((one) => one.getAttribute('fill')));
  assert.equal(new Set(colours).size, colours.length);
  const [wet, dry] = [await colourAt(page, WET), await colourAt(page, DRY)];
  assert.ok(colours.includes(wet) && colours.includes(dry) && wet !== dry, `${wet} and ${dry} of ${colours}`);
  assert.ok(colours.indexOf(wet) < colours.indexOf(dry), 'the wetter one is higher in the legend');
  if (shown >= 20 && !told[SILENT]) await page.getByRole('button', { name: 'Hiện tất cả' }).click();
  assert.equal(await page.getAttribute(`[data-point="${SILENT}"]`, 'data-firmness'), 'none');

  // Two of the commune's four stations spoke: their mean, and not called firm.
  const commune = page.locator(`[data-commune="${COMMUNE}"]`);
  near(await commune.locator('[data-value]').getAttribute('data-value'), (57.6 + 28.8) / 2);
  assert.equal(await commune.getAttribute('data-firmness'), 'thin');
  assert.match(await commune.innerText(), /2\/4/);
  assert.match(await page.locator('[data-legend="firmness"]').innerText(), /Thiếu[\s\S]*1 trạm/);
  await shot(page, 'map-laptop-vi-dark');
  assert.deepEqual(await serious(page), []);
  assert.deepEqual(complaints, []);
  await close();
});

test('the map takes another function, says hours above a limit, and its rows lead to the series', async () => {
  const { page, complaints, close } = await opened(MAP);
  await page.click('[data-fn="exceedance_hours"]');
  await page.fill('#above', '0.3');
  await page.locator('#above').blur();
  await page.waitForFunction(() => new URLSearchParams(location.search).get('above') === '0.3');
  await page.waitForSelector('#result[data-phase="ready"] [data-point]');
  // Every other sample of a day is above it, and counts for five minutes.
  await page.waitForFunction((gauge) => document.querySelector(`[data-point="${gauge}"] [data-value]`)?.dataset.value === '12', WET);
  assert.equal(await page.locator('[data-table="map-communes"]').count(), 0, 'hours above a limit say nothing of several stations');
  await page.click(`[data-point="${WET}"] a`);
  await ready(page);
  const asked = new URL(page.url()).searchParams;
  assert.deepEqual([asked.get('channel'), asked.get('from'), asked.get('to'), asked.get('above')], [`${WET}/rainfall`, FROM, TO, '0.3']);
  await page.waitForSelector('[data-panel]');
  assert.deepEqual(complaints, []);
  await close();
});

test('the map is part of the printed report, of the files and of the link', async () => {
  const { page, complaints, close } = await opened(MAP, SIZES.laptop, { acceptDownloads: true });
  await drawn(page, 10);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('[data-download="csv"]')]);
  assert.equal(download.suggestedFilename(), `map_rainfall_sum_${FROM}_${TO}.csv`);
  assert.match(await readFile(await download.path(), 'utf8'), new RegExp(`${WET}/rainfall`));

  await page.emulateMedia({ media: 'print' });
  assert.ok(await page.locator('[data-map-state] canvas').isVisible());
  const [map, sheet] = await page.evaluate(() => [document.querySelector('[data-map-state] canvas'), document.querySelector('#result')].map((one) => one.getBoundingClientRect().width));
  assert.ok(map <= sheet + 1, `the map is ${map} wide on a sheet of ${sheet}`);
  // The page hears of the other medium with its next frame.
  await page.waitForFunction(() => {
    const canvas = document.querySelector('[data-map-state] canvas');
    const copy = Object.assign(document.createElement('canvas'), { width: 1, height: 1 });
    const context = copy.getContext('2d');
    context.drawImage(canvas, 4, 4, 1, 1, 0, 0, 1, 1);
    return Math.min(...context.getImageData(0, 0, 1, 1).data) > 150;
  }, undefined, { timeout: PATIENCE_MS });
  assert.ok((await page.locator('[data-table="map-stations"] tbody tr').count()) > 20, 'every row is on paper');
  const paper = await page.pdf({ preferCSSPageSize: true });
  assert.equal(paper.subarray(0, 5).toString(), '%PDF-');
  assert.deepEqual(complaints, []);
  await close();
});

test('without WebGL the tables say everything', async () => {
  const { page, close } = await open(browser, SIZES.phone);
  await page.addInitScript(() => {
    const drawn = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function getContext(kind, ...rest) {
      return kind.startsWith('webgl') ? null : drawn.call(this, kind, ...rest);
    };
  });
  await page.goto(server.http + MAP);
  await page.waitForSelector('[data-map-state="failed"]', { timeout: PATIENCE_MS });
  assert.match(await page.locator('[data-map-state]').innerText(), /Các bảng bên dưới có đủ mọi giá trị/);
  assert.match(await page.locator(`[data-point="${WET}"]`).innerText(), /57,6/);
  await close();
});

for (const [size, viewport] of Object.entries({ wall: SIZES.wall, four: { width: 3840, height: 2160 }, phone: SIZES.phone })) {
  test(`coverage and map stand at ${viewport.width} x ${viewport.height}, in both languages and themes`, async () => {
    const { page, complaints, close } = await opened(COVERAGE, viewport);
    for (const [name, link] of [['coverage', null], ['map', MAP]]) {
      if (link) {
        await page.goto(server.http + link);
        await ready(page);
        await drawn(page, 10);
      }
      await shot(page, `${name}-${size}-1`);
      await page.click('[data-switch="language"]');
      await page.click('[data-switch="theme"]');
      if (link) await drawn(page, 10);
      await shot(page, `${name}-${size}-2`);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth - innerWidth), 0, 'the page is wider than the screen');
      assert.deepEqual(await serious(page), []);
    }
    assert.deepEqual(complaints, []);
    await close();
  });
}
