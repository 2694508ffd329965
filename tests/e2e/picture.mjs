// Takes the README's picture of the operations page from a running server:
//
//   node picture.mjs http://127.0.0.1:8080 ../../dashboards/operations.png [station]
import { launch, open } from './browser.mjs';

const [http, file, station] = process.argv.slice(2);
if (!http || !file) {
  console.error('usage: node picture.mjs URL FILE.png [STATION]');
  process.exit(64);
}
const browser = await launch();
const { page, complaints } = await open(browser, { width: 1920, height: 1080 });
await page.goto(station ? `${http}/#/station/${encodeURIComponent(station)}` : http);
await page.waitForSelector('[data-map-state="idle"]', { timeout: 90_000, state: 'attached' });
if (station) await page.waitForSelector('[data-chart="ready"]', { timeout: 30_000 });
await page.screenshot({ path: file });
await browser.close();
for (const complaint of complaints) console.error(complaint);
process.exitCode = complaints.length === 0 ? 0 : 1;
