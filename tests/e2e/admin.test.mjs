// The administrator's page in a real browser against a running server: stations, unknown devices, rules, people and the
// roster, each change with its undo. Any console error or failed request that a story does not provoke fails it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { open } from './browser.mjs';
import { eventually, idle, NEWS_MS, serious, shot, stage } from './story.mjs';

const SIZES = { wall: { width: 1920, height: 1080 }, laptop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } };
const [ADMIN, PASSWORD] = (process.env.SAOLA_E2E_ADMIN ?? '').split(':');
const LANGUAGES = ['vi', 'en'];
/** Names of one run: a server that runs already may have those of another. */
const RUN = Date.now().toString(36).slice(-5);
const DAY_MS = 86_400_000;
/** Its history is made for the rule's story. */
const AIR = 'AQ-05';

let server;
let browser;

stage(async (it) => {
  assert.ok(ADMIN && PASSWORD, 'set SAOLA_E2E_ADMIN to NAME:PASSWORD of an administrator');
  ({ server, browser } = it);
});

/** The page as somebody sees it: the administrator, or whoever the demo lets in. */
async function admin(hash, { who = 'administrator', language = 'vi', theme = 'dark', size = 'laptop', map = false } = {}) {
  const opened = await open(browser, { ...SIZES[size], reducedMotion: 'reduce' });
  const { page } = opened;
  page.setDefaultTimeout(NEWS_MS);
  await page.addInitScript(([word, look, drawn]) => {
    localStorage.setItem('saola.language', word);
    localStorage.setItem('saola.theme', look);
    if (drawn) return;
    // The map says nothing that is not in the table; drawn in software it costs a minute.
    const getContext = HTMLCanvasElement.prototype.getContext;
    HTMLCanvasElement.prototype.getContext = function none(kind, ...rest) {
      return kind.startsWith('webgl') ? null : getContext.call(this, kind, ...rest);
    };
  }, [language, theme, map]);
  const ready = () => page.waitForSelector('#section[data-loaded="true"]');
  await page.goto(`${server.http}/admin${hash}`);
  await ready();
  if (who === 'administrator') {
    const status = await page.evaluate(async ([name, password]) => {
      const answer = await fetch('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name, password }) });
      return answer.status;
    }, [ADMIN, PASSWORD]);
    assert.equal(status, 200, 'the administrator signs in');
    await page.reload();
    await ready();
  }
  await page.waitForSelector(`html[data-theme="${theme}"]`, { state: 'attached' });
  const json = async (path) => page.evaluate(async (address) => (await fetch(address)).json(), path);
  return { ...opened, json };
}

/** Complaints but those that the story provoked: refusals of these statuses. */
function unprovoked(complaints, ...statuses) {
  return complaints.filter((complaint) => !statuses.some((status) => complaint.endsWith(` ${status}`) || complaint.includes(`status of ${status} `)));
}

const told = (page, verb, state = 'done') => page.waitForSelector(`[data-told="${verb}"][data-state="${state}"]`);

for (const language of LANGUAGES) {
  test(`an unknown device is read whole and adopted with a form that is prefilled (${language})`, async () => {
    const name = `E2E-${RUN}-${language}`;
    const note = '<img src=x onerror="document.title=1">';
    const readings = [0, 1, 2].map((minutes) => ({ time: new Date(Date.now() - minutes * 60_000).toISOString(), pm2_5: 20 + minutes, gas_of_swamp: 1.5, note }));
    await server.hand(name, readings);
    const { page, complaints, json, close } = await admin('#/unknown', { language });
    await eventually('the device is listed', async () => {
      if ((await page.locator(`[data-device="${name}"]`).count()) > 0) return true;
      await page.click('[aria-labelledby="unknown-heading"] .row button');
      await page.waitForLoadState('networkidle');
      return false;
    });
    await page.click(`[data-device="${name}"] button`);
    const message = await page.locator('[data-message]').innerText();
    assert.ok(message.includes(JSON.stringify(note)), message);
    assert.equal(await page.locator('[data-message] img').count(), 0, 'markup is text');

    assert.equal(await page.inputValue('#station-kind'), 'air');
    assert.equal(await page.inputValue('#station-vi'), name);
    const properties = await page.locator('[id^="channel-"][id$="-property"]').evaluateAll((fields) => fields.map((field) => field.value));
    assert.deepEqual(properties.sort(), ['gas_of_swamp', 'pm2_5']);
    // Without a place, and with a property that the table does not know: said at the fields.
    await page.click('[data-form="station"] [type="submit"]');
    await page.waitForSelector('[data-error="station-lat"]');
    const gas = properties.indexOf('gas_of_swamp');
    const row = (await page.locator('[id^="channel-"][id$="-property"]').evaluateAll((fields) => fields.findIndex((field) => field.value === 'gas_of_swamp')));
    assert.ok(gas >= 0 && (await page.locator(`[data-error="channel-${row}-unit"]`).count()) === 1, 'the unknown unit is said at its field');
    await shot(page, `admin-adopt-${language}`);
    await page.click(`#channel-${row}-property >> xpath=ancestor::div[@role="group"] >> button`);
    await page.fill('#station-lat', '22,39');
    await page.fill('#station-lon', '103.45');
    await page.click('[data-form="station"] [type="submit"]');
    await told(page, 'adopted');
    await page.waitForSelector(`[data-station-file="${name}"]`);
    const station = await json(`/api/v1/stations/${name}/definition`);
    assert.equal(station.retired, false);
    assert.equal(station.lat, 22.39);

    await page.click('[data-undo]');
    await told(page, 'adopted', 'undone');
    assert.equal((await json(`/api/v1/stations/${name}/definition`)).retired, true);
    await page.waitForSelector(`[data-station-file="${name}"] [data-retired]`);
    assert.deepEqual(unprovoked(complaints, 422), []);
    await close();
  });

  test(`a station is added, moved with its former place kept, and the move undone (${language})`, async () => {
    const name = `NEW-${RUN}-${language}`;
    const markup = '<b>Trạm</b><script>document.title=1</script>';
    const { page, complaints, json, close } = await admin('#/stations', { language });
    await page.click('[data-add]');
    await page.click('[data-form="station"] [type="submit"]');
    for (const field of ['station-id', 'station-kind', 'station-lat']) await page.waitForSelector(`[data-error="${field}"]`);
    assert.equal(await page.getAttribute('#station-lat', 'aria-invalid'), 'true');
    await page.fill('#station-id', name);
    await page.selectOption('#station-kind', 'rain');
    await page.fill('#station-vi', markup);
    await page.fill('#station-en', 'Gauge of a story');
    await page.fill('#station-lat', '22.31');
    await page.fill('#station-lon', '103.11');
    await page.fill('#channel-0-property', 'rainfall');
    await page.click('[data-form="station"] [type="submit"]');
    await told(page, 'stationAdded');
    await page.waitForSelector(`[data-station-file="${name}"][data-revision="1"]`);
    if (language === 'vi') assert.equal(await page.locator('#station-heading').innerText(), markup);

    await page.click('[data-act="move"]');
    await page.fill('#move-lat', '22.32');
    await page.fill('#move-lon', '103.12');
    await page.click('[data-form="move"] [type="submit"]');
    await told(page, 'stationMoved');
    await eventually('both places are listed', async () => (await page.locator('[data-list="places"] tbody tr').count()) === 2);
    assert.equal((await json(`/api/v1/stations/${name}/definition`)).lat, 22.32);
    await shot(page, `admin-moved-${language}`);

    await page.click('[data-undo]');
    await told(page, 'stationMoved', 'undone');
    assert.equal((await json(`/api/v1/stations/${name}/definition`)).lat, 22.31);
    await page.waitForSelector('[data-list="changes"] [data-change="undone"]');

    await page.click('[data-act="maintain"]');
    await page.fill('#maintenance-reason', 'new battery');
    await page.click('[data-form="maintenance"] [type="submit"]');
    await told(page, 'maintenancePlanned');
    await page.waitForSelector('[data-list="maintenance"] tbody tr');

    await page.click('[data-section="activity"]');
    await page.waitForSelector(`[data-activity="ready"] [data-entry="${name}"][data-act="moved"]`);
    assert.ok((await page.locator(`[data-entry="${name}"][data-act="undone"] [data-undo-entry]`).count()) === 1);
    await shot(page, `admin-activity-${language}`);

    // Out of service again: it says nothing, and other stories have rules about that.
    await page.click(`[data-entry="${name}"] a`);
    await page.click('[data-act="retire"]');
    await page.click('[data-confirm="retire"]');
    await told(page, 'stationRetired');
    await page.waitForSelector(`[data-station-file="${name}"] [data-retired]`);

    // It is among those out of service, with who took it out; the way back has an undo of its own.
    await page.click('[data-listed="serving"]');
    const gone = page.locator(`[data-retired-station="${name}"]`);
    await gone.locator(`[data-by="${ADMIN}"]`).waitFor();
    await page.fill('#station-search', name);
    await eventually('the others are left out', async () => (await page.locator('[data-retired-station]').count()) === 1);
    await shot(page, `admin-retired-${language}`);
    await gone.locator('[data-act="bring-back"]').click();
    await told(page, 'stationReturned');
    await gone.waitFor({ state: 'detached' });
    assert.equal((await json(`/api/v1/stations/${name}/definition`)).retired, false);
    await page.click('[data-undo]');
    await told(page, 'stationReturned', 'undone');
    await gone.waitFor();
    assert.equal((await json(`/api/v1/stations/${name}/definition`)).retired, true);
    // What is open has the same way back.
    await gone.locator('.open-row').click();
    await page.waitForSelector(`[data-station-file="${name}"] [data-acts] [data-act="bring-back"]`);

    // The audit has all of it, each with its author; it is filtered, and leads to its subject.
    await page.click('[data-section="activity"]');
    await page.click('[data-view="audit"]');
    await page.waitForSelector('[data-audit="ready"] [data-record]');
    await page.fill('#audit-subject', name);
    await page.selectOption('#audit-act', 'registry_changed');
    await page.keyboard.press('Tab');
    await page.click('[data-form="audit"] [type="submit"]');
    await eventually('only the station is told of', async () => {
      const rows = await page.locator('[data-audit="ready"] [data-record]').evaluateAll((all) => all.map((row) => `${row.dataset.record} ${row.dataset.subject} ${row.dataset.actor}`));
      return rows.length > 0 && rows.every((row) => row === `registry_changed ${name} ${ADMIN}`);
    });
    const said = await page.locator('[data-list="audit"] tbody').innerText();
    for (const word of language === 'vi' ? ['Tạo', 'Dời chỗ', 'Ngừng', 'Hoàn tác'] : ['Created', 'Moved', 'Retired', 'Undone']) assert.ok(said.includes(word), `${word}: ${said}`);
    assert.equal(await page.locator('[data-audit] [data-undo-entry]').count(), 0, 'nothing is undone there');
    await shot(page, `admin-audit-filtered-${language}`);
    await page.locator('[data-list="audit"] a').first().click();
    await page.waitForSelector(`[data-station-file="${name}"] [data-retired]`);
    assert.deepEqual(unprovoked(complaints, 422), []);
    await close();
  });

  test(`a rule with a mistake says line and key, is tried on history, and only then armed (${language})`, async () => {
    // Two days that swing around the threshold, and six calm hours, so that nothing is open in the end.
    const now = Math.floor(Date.now() / 300_000) * 300_000;
    const swing = (at) => (at > now - DAY_MS / 4 ? 20 : Math.round(50 + 30 * Math.sin((at / DAY_MS) * 4 * Math.PI)));
    const value = (at) => swing(at) + ((at / 300_000) % 3) * 0.1;
    const bundle = (from) => Array.from({ length: 288 }, (_, place) => from + place * 300_000).map((at) => ({ time: new Date(at).toISOString(), pm2_5: value(at) }));
    await server.hand(AIR, [bundle(now - 2 * DAY_MS), bundle(now - DAY_MS)]);
    const name = `story-${RUN}-${language}`;
    const { page, complaints, json, close } = await admin('#/rules', { language });
    await page.click('[data-add]');
    const text = (await page.inputValue('#rule-text')).replace('name = "pm2-5-watch"', `name = "${name}"`);
    const wrong = text.replace('clear_for', 'claer_for');
    const line = wrong.split('\n').findIndex((one) => one.startsWith('claer_for')) + 1;
    await page.fill('#rule-text', wrong);
    await page.click('[data-act="backtest"]');
    await page.waitForSelector(`[data-mistake-line="${line}"][data-mistake-key="rule[0].claer_for"]`);
    await page.click('[data-act="save"]');
    await page.waitForSelector(`[data-mistake-line="${line}"][data-mistake-key="rule[0].claer_for"]`);
    await page.click(`[data-mistake-line="${line}"] button`);
    assert.equal(await page.evaluate(() => getSelection()?.toString() || document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd)), wrong.split('\n')[line - 1]);
    assert.deepEqual(await serious(page), [], 'mistakes');
    await shot(page, `admin-mistake-${language}`);

    await page.fill('#rule-text', text);
    // Untried, it is not armed by one click.
    await page.click('[data-act="arm"]');
    await page.waitForSelector('[data-asking="save"]');
    await page.click('[data-asking="save"] button:last-child');
    await page.click('[data-act="test"]');
    await page.waitForSelector('[data-tests="failed"] .unexpected');

    await page.selectOption('#backtest-days', '2');
    const alerts = await eventually('the rule would have raised alerts', async () => {
      await page.click('[data-act="backtest"]');
      await page.waitForSelector('[data-backtest="ready"][data-slicing="no"]', { timeout: 90_000 });
      // What was acknowledged is on disk; history follows it.
      return Number(await page.getAttribute('[data-alerts]', 'data-alerts'));
    });
    assert.ok(alerts > 0 && Number(await page.getAttribute('[data-alerts]', 'data-hours')) > 0);
    await page.selectOption('#backtest-channel', AIR);
    await page.waitForSelector('[data-backtest-chart] path.line[d^="M"]', { state: 'attached' });
    assert.equal(await page.getAttribute('[data-backtest-chart]', 'data-bars'), '2');
    assert.ok(Number(await page.getAttribute('[data-backtest-chart]', 'data-thresholds')) >= 1);
    const drawn = await page.locator('[data-backtest-chart] .count').allTextContents();
    assert.equal(drawn.reduce((sum, one) => sum + Number(one), 0), alerts, 'the bars are the alerts');
    assert.deepEqual(await serious(page), [], 'a backtest');
    await page.locator('#backtest-heading').evaluate((heading) => heading.scrollIntoView());
    await shot(page, `admin-backtest-${language}`);
    assert.equal((await json('/api/v1/rules?limit=1000')).rules.some((rule) => rule.name === name), false, 'nothing is in force by a trial');

    await page.fill('#rule-reason', 'a story');
    await page.click('[data-act="save"]');
    await told(page, 'ruleCreated');
    await page.waitForSelector(`[data-rule="${name}"][data-state="disarmed"]`);
    await page.click('[data-act="arm"]');
    await told(page, 'ruleArmed');
    await page.waitForSelector(`[data-rule="${name}"][data-state="armed"]`);
    await page.waitForSelector('[data-versions="2"]');
    assert.equal((await json(`/api/v1/rules/${name}`)).enabled, true);

    await page.click('[data-undo]');
    await told(page, 'ruleArmed', 'undone');
    await page.waitForSelector(`[data-rule="${name}"][data-state="disarmed"]`);
    await page.click('[data-act="remove"]');
    await page.click('[data-asking="remove"] [data-confirm]');
    await told(page, 'ruleRemoved');
    assert.deepEqual(unprovoked(complaints, 422), []);
    await close();
  });

  test(`a person is added and put on the roster, and the shift changed back (${language})`, async () => {
    const id = `lan-${RUN}-${language}`;
    const name = 'Lò Thị Lan <i>kiểm lâm</i>';
    const { page, complaints, json, close } = await admin('#/people', { language });
    await page.click('[data-add]');
    await page.fill('#person-name', name);
    await page.click('[data-form="person"] [type="submit"]');
    await page.waitForSelector('[data-refused="invalid_body"], [data-error="person-id"]');
    await page.fill('#person-id', id);
    await page.click('[data-form="person"] [type="submit"]');
    await told(page, 'personAdded');
    await page.waitForSelector(`[data-person="${id}"]`);
    assert.equal(await page.locator(`[data-person="${id}"] .open-row`).innerText(), name);

    await page.click('[data-section="roster"]');
    await page.click('[data-add]');
    await page.fill('#shift-role', 'forest');
    await page.selectOption('#shift-person', id);
    const from = await page.inputValue('#shift-from');
    await page.fill('#shift-to', from);
    await page.click('[data-form="shift"] [type="submit"]');
    await page.waitForSelector('[data-refused="invalid_body"], [data-error="shift-to"]');
    const [day] = from.split('T');
    await page.fill('#shift-from', `${day}T00:00`);
    await page.fill('#shift-to', `${day}T23:30`);
    await page.click('[data-form="shift"] [type="submit"]');
    await told(page, 'shiftAdded');
    const row = page.locator(`[data-shift-person="${id}"]`);
    await row.waitFor();
    assert.equal(await page.locator('.shift', { hasText: 'Lò Thị Lan' }).count() > 0, true, 'it stands in the week');
    await shot(page, `admin-roster-${language}`);

    await row.locator('button').click();
    await page.fill('#shift-note', 'until noon');
    await page.fill('#shift-to', `${day}T12:00`);
    await page.click('[data-form="shift"] [type="submit"]');
    await told(page, 'shiftChanged');
    await page.click('[data-undo]');
    await told(page, 'shiftChanged', 'undone');
    const shifts = (await json(`/api/v1/roster?person=${id}`)).shifts;
    assert.equal(shifts.length, 1);
    assert.ok(shifts[0].ends_at.includes('T23:30'), shifts[0].ends_at);
    assert.equal(shifts[0].note, '');

    // Nobody is to be woken by the other stories.
    await row.locator('button').click();
    await page.click('[data-form="shift"] [data-act="remove"]');
    await told(page, 'shiftRemoved');
    await page.click('[data-section="people"]');
    await page.click(`[data-person="${id}"] .open-row`);
    await page.click('[data-act="remove"]');
    await page.click('[data-confirm="remove"]');
    await told(page, 'personRemoved');
    await page.waitForSelector(`[data-person="${id}"]`, { state: 'detached' });
    assert.deepEqual(unprovoked(complaints, 400), []);
    await close();
  });
}

test('the place of a new station is picked on the map', async () => {
  const { page, complaints, close } = await admin('#/stations/+', { map: true });
  await idle(page);
  const box = await page.locator('[data-map-state] canvas').boundingBox();
  await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
  await eventually('the place is in the form', async () => (await page.inputValue('#station-lat')) !== '');
  const [lat, lon] = [Number(await page.inputValue('#station-lat')), Number(await page.inputValue('#station-lon'))];
  assert.ok(lat > 21.6 && lat < 22.9 && lon > 102.3 && lon < 104, `${lat}, ${lon}`);
  await shot(page, 'admin-pick');
  assert.deepEqual(complaints, []);
  await close();
});

test('who may not is told so in a sentence, and can sign in', async () => {
  const { page, complaints, close } = await admin('#/people', { who: 'demo' });
  await page.waitForSelector('[data-denied]');
  assert.equal(await page.locator('[data-list="people"]').count(), 0, 'no empty table');
  await page.click('[data-section="stations"]');
  await page.waitForSelector('[data-denied]');
  assert.equal(await page.locator('[data-add]').count(), 0);
  await page.click('[data-denied] button');
  await page.fill('#name', ADMIN);
  await page.fill('#password', PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-add]');
  assert.equal(await page.locator('[data-denied]').count(), 0);
  assert.deepEqual(complaints, []);
  await close();
});

test('the audit goes on to older records by the keyboard, and tells who may not read it so', async () => {
  const { page, complaints, close } = await admin('#/activity/audit');
  await page.waitForSelector('[data-audit="ready"] [data-record]');
  // Two pages of the same account's sign-ins, and nothing after them.
  for (let turn = 0; turn < 55; turn += 1) {
    await page.evaluate(async ([name, password]) => fetch('/api/v1/session', { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ name, password }) }), [ADMIN, PASSWORD]);
  }
  await page.fill('#audit-actor', ADMIN);
  await page.selectOption('#audit-act', 'signed_in');
  await page.focus('#audit-subject');
  await page.keyboard.press('Enter');
  const rows = () => page.locator('[data-audit="ready"] [data-record]').count();
  await eventually('a page of it', async () => (await rows()) === 50 && (await page.locator('[data-record="signed_in"]').count()) === 50);
  for (let turn = 0; turn < 20 && (await page.locator('[data-older]').count()) > 0; turn += 1) {
    const before = await rows();
    await page.focus('[data-older]');
    await page.keyboard.press('Enter');
    await eventually('older ones, or the end', async () => (await rows()) > before || (await page.locator('[data-audit="ready"] [data-end]').count()) > 0);
  }
  await page.waitForSelector('[data-end]:focus');
  assert.ok((await rows()) >= 55);
  assert.equal(await page.locator('[data-record]:not([data-record="signed_in"])').count(), 0);
  const times = await page.locator('[data-list="audit"] time').evaluateAll((all) => all.map((one) => one.dateTime));
  assert.deepEqual(times, [...times].sort().reverse(), 'newest first');
  await page.click('[data-clear]');
  await page.waitForSelector('[data-older]');
  assert.deepEqual(complaints, []);
  await close();

  const other = await admin('#/activity/audit', { who: 'demo' });
  await other.page.waitForSelector('[data-audit="denied"] [data-denied]');
  assert.equal(await other.page.locator('[data-list="audit"], [data-form="audit"]').count(), 0);
  await other.page.click('[data-view="changes"]');
  await other.page.waitForSelector('[data-activity]');
  assert.deepEqual(other.complaints, []);
  await other.close();
});

test('sections are reached by the keyboard alone', async () => {
  const { page, complaints, close } = await admin('#/stations', {});
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'section');
  await page.focus('[data-section="areas"]');
  await page.keyboard.press('Enter');
  await page.waitForSelector('[data-list="areas"] tbody tr');
  assert.equal(await page.getAttribute('[data-section="areas"]', 'aria-current'), 'page');
  assert.deepEqual(complaints, []);
  await close();
});

for (const [language, theme, size] of [['vi', 'dark', 'wall'], ['en', 'light', 'phone']]) {
  test(`axe-core finds nothing serious, and nothing is wider than the screen (${language}, ${theme}, ${size})`, async () => {
    const { page, complaints, close } = await admin('#/stations', { language, theme, size });
    const views = { stations: '[data-list="stations"]', 'stations/+': '[data-form="station"]', [`stations/${AIR}`]: '[data-list="changes"] li', unknown: '[data-list="unknown"], [data-none]', 'rules/pm2-5-high': '#rule-text', 'people/+': '[data-form="person"]', roster: '[data-loaded="true"] h2', areas: '[data-list="areas"]', activity: '[data-activity="ready"]', 'activity/audit': '[data-audit="ready"] [data-record]' };
    for (const [hash, ready] of Object.entries(views)) {
      await page.evaluate((to) => { location.hash = `#/${to}`; }, hash);
      await page.waitForSelector(ready);
      assert.deepEqual(await serious(page), [], hash);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, `${hash} is wider than the screen`);
      await shot(page, `admin-${hash.replaceAll('/', '-').replace('+', 'new')}-${language}-${theme}-${size}`);
    }
    await page.click('[data-section="stations"]');
    await page.click('[data-listed="serving"]');
    // None when this story runs alone.
    await page.waitForSelector('[data-list="retired"] [data-by], .list [data-none]');
    assert.deepEqual(await serious(page), [], 'retired');
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false, 'retired stations are wider than the screen');
    await shot(page, `admin-retired-${language}-${theme}-${size}`);
    assert.deepEqual(complaints, []);
    await close();
  });
}
