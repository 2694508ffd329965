// Starts Debian's Chromium without a graphics card, and fails a test on anything that the page complains about.
import { chromium } from 'playwright-core';

const FLAGS = ['--no-sandbox', '--enable-unsafe-swiftshader', '--disable-background-networking', '--disable-component-update', '--no-first-run', '--disable-sync'];
/** Everything through one drawing program, so that pictures are the same on every machine. */
const ONE_WAY = ['--use-gl=angle', '--use-angle=swiftshader'];

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

export function launch() {
  return chromium.launch({ executablePath, args: [...FLAGS, ...ONE_WAY] });
}

/** As Chromium itself draws where there is no graphics card: the page by the processor, maps by SwiftShader. */
export function launchAsIs() {
  return chromium.launch({ executablePath, args: FLAGS });
}

/**
 * A page whose console errors, exceptions and failed requests gather in `complaints`. Requests that the page itself
 * gives up (a stream that is closed, a chart that is left) are no failure.
 */
export async function open(browser, { width, height, ...context }) {
  const room = await browser.newContext({ viewport: { width, height }, ...context });
  const page = await room.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(`console ${message.type()}: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
  page.on('requestfailed', (request) => {
    const why = request.failure()?.errorText ?? '';
    if (why !== 'net::ERR_ABORTED') complaints.push(`request: ${request.url()} ${why}`);
  });
  page.on('response', (response) => {
    if (response.status() >= 400) complaints.push(`answer: ${response.url()} ${response.status()}`);
  });
  return { page, complaints, close: () => room.close() };
}
