// A stand-in for the server, for working on the page without building Rust: serves dist/ under the server's own
// content security policy, and the endpoints that the page uses with made-up values that move.
//
//   node dev/mock-server.mjs [--port 8090] [--stations ../../config/stations] [--areas FILE] [--signed-out]
//
// POST /mock/publish {station, property, value, quality?} plays a device; POST /mock/stream {"mode": "cut"|"silent"|"on"}
// breaks the stream. Not part of the product; needs nothing but node.
import { createReadStream, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readStationFiles } from './mock-stations.mjs';
import { World } from './mock-world.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '8090' },
    stations: { type: 'string', default: join(here, '../../../config/stations') },
    areas: { type: 'string', default: join(here, '../../../config/areas/lai_chau_communes_2025.geojson') },
    'signed-out': { type: 'boolean', default: false },
    still: { type: 'boolean', default: false },
  },
});

const DIST = join(here, '../dist');
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; font-src 'self'; " +
  "connect-src 'self'; worker-src 'self' blob:; child-src 'self' blob:; manifest-src 'self'; base-uri 'none'; " +
  "form-action 'self'; frame-ancestors 'none'";
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.geojson': 'application/geo+json',
  '.json': 'application/json', '.txt': 'text/plain; charset=utf-8', '.md': 'text/markdown; charset=utf-8',
};

const stations = readStationFiles(
  readdirSync(options.stations).filter((name) => name.endsWith('.toml')).map((name) => readFileSync(join(options.stations, name), 'utf8')),
);
const communes = JSON.parse(readFileSync(options.areas, 'utf8'));
const world = new World(stations, communes, { moving: !options.still });
let signedIn = !options['signed-out'];
let streamMode = 'on';
const listeners = new Set();

function send(event, body) {
  const text = `id: ${world.seq}\nevent: ${event}\ndata: ${JSON.stringify(body)}\n\n`;
  if (streamMode === 'on') for (const response of listeners) response.write(text);
}
world.on('change', (feature) => send('change', feature));
world.on('alert', (alert) => send('alert', alert));
setInterval(() => send('heartbeat', world.heartbeat()), 10_000).unref();

function json(response, status, body, type = 'application/json') {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' });
  response.end(JSON.stringify(body));
}
const problem = (response, status, code, title) => json(response, status, { type: 'about:blank', status, code, title }, 'application/problem+json');

async function bodyOf(request) {
  let text = '';
  for await (const chunk of request) text += chunk;
  return text === '' ? {} : JSON.parse(text);
}

function stream(request, response) {
  if (streamMode === 'cut') return problem(response, 503, 'unavailable', 'no stream');
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  listeners.add(response);
  request.on('close', () => listeners.delete(response));
  send('heartbeat', world.heartbeat());
}

function file(path, response) {
  const name = path === '/' ? 'index.html' : path === '/docs' ? 'docs.html' : path;
  const full = normalize(join(DIST, name));
  if (!full.startsWith(normalize(DIST)) || !existsSync(full) || !statSync(full).isFile()) return problem(response, 404, 'not_found', `no ${path}`);
  response.writeHead(200, { 'content-type': TYPES[extname(full)] ?? 'application/octet-stream', 'content-security-policy': POLICY });
  createReadStream(full).pipe(response);
}

async function answer(request, response) {
  const url = new URL(request.url, 'http://mock');
  const route = `${request.method} ${url.pathname}`;
  if (route === 'POST /api/v1/session') {
    const { name, password } = await bodyOf(request);
    signedIn = name === 'admin' && password === 'admin';
    return signedIn ? json(response, 200, { name }) : problem(response, 401, 'wrong_credentials', 'name or password is wrong');
  }
  if (url.pathname.startsWith('/api/') && !signedIn) return problem(response, 401, 'unauthenticated', 'sign in');
  switch (route) {
    case 'GET /api/v1/me':
      return json(response, 200, options['signed-out'] ? { name: 'admin', role: 'administrator' } : { name: 'demo', role: 'operator', demo: true });
    case 'DELETE /api/v1/session':
      signedIn = false;
      response.writeHead(204).end();
      return undefined;
    case 'GET /api/v1/layers/areas':
      return json(response, 200, world.areas, 'application/geo+json');
    case 'GET /api/v1/overview': {
      // Few enough to be drawn one by one: nothing else of it is read then.
      const { length } = world.layer().features;
      return json(response, 200, { at: new Date().toISOString(), revision: 1, stations: length, chosen: length, freshness: {}, kinds: {}, severities: {}, areas: [] });
    }
    case 'GET /api/v1/layers/stations':
      return json(response, 200, world.layer(), 'application/geo+json');
    case 'GET /api/v1/alerts':
      return json(response, 200, { alerts: world.alertsIn((url.searchParams.get('state') ?? '').split(',')), next: null });
    case 'GET /api/v1/history':
      return json(response, 200, world.history(url.searchParams.get('channel')));
    case 'GET /api/v1/incidents':
      return json(response, 200, { incidents: [], next: null });
    case 'GET /api/v1/rules':
      return json(response, 200, { rules: [], next: null });
    case 'GET /api/v1/indices':
      return json(response, 200, { indices: [] });
    case 'GET /healthz':
      return json(response, 200, { status: 'alive', version: '0' });
    case 'GET /api/v1/stream':
      return stream(request, response);
    case 'GET /openapi.json':
      return json(response, 200, { openapi: '3.1.0', info: { title: 'Saola (mock)', version: '0' }, paths: { '/api/v1/me': { get: { summary: 'Who am I', responses: { 200: { description: 'ok' } } } } } });
    case 'POST /mock/publish':
      world.publish(await bodyOf(request));
      return json(response, 200, {});
    case 'POST /mock/stream': {
      streamMode = (await bodyOf(request)).mode;
      if (streamMode === 'cut') for (const open of listeners) open.destroy();
      return json(response, 200, {});
    }
    default:
      if (route.startsWith('GET /api/v1/alerts/')) {
        const found = world.alertsIn(['open', 'cleared']).find(({ id }) => id === decodeURIComponent(url.pathname.slice('/api/v1/alerts/'.length)));
        return found ? json(response, 200, { ...found, timeline: [], deliveries: [] }) : problem(response, 404, 'not_found', route);
      }
      return request.method === 'GET' ? file(url.pathname, response) : problem(response, 404, 'not_found', route);
  }
}

const server = createServer((request, response) => {
  answer(request, response).catch((error) => problem(response, 500, 'mock', String(error)));
});
server.listen(Number(options.port), '127.0.0.1', () => {
  console.log(`http://127.0.0.1:${server.address().port} with ${stations.length} stations`);
});
