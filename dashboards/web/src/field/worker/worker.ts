// The field page's service worker: the page opens without a network, with what it held last; the map keeps its ground.
// Answers about alerts are never kept here: the page keeps them itself, with their age.
import { alone, drainAll, TAG } from '../sender';
import { TILE_FRESH_MS, TILES_MAX, tooMany, way } from './kept';

/** The build puts the page's files and their version here. */
declare const __FIELD_SHELL__: { version: string; files: string[] };

interface WorkerEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchLike extends WorkerEvent {
  request: Request;
  respondWith(answer: Promise<Response>): void;
}
interface PushLike extends WorkerEvent {
  data: { json(): unknown; text(): string } | null;
}
interface SyncLike extends WorkerEvent {
  tag: string;
}
interface ClickLike extends WorkerEvent {
  notification: Notification;
}
interface Client {
  url: string;
  focus(): Promise<unknown>;
  postMessage(message: string): void;
}
interface Scope {
  addEventListener(type: 'install' | 'activate', listener: (event: WorkerEvent) => void): void;
  addEventListener(type: 'fetch', listener: (event: FetchLike) => void): void;
  addEventListener(type: 'sync', listener: (event: SyncLike) => void): void;
  addEventListener(type: 'push', listener: (event: PushLike) => void): void;
  addEventListener(type: 'notificationclick', listener: (event: ClickLike) => void): void;
  skipWaiting(): Promise<void>;
  registration: { showNotification(title: string, options: NotificationOptions): Promise<void> };
  clients: { claim(): Promise<void>; matchAll(options: { type: 'window' }): Promise<Client[]>; openWindow(url: string): Promise<unknown> };
  location: Location;
}
const scope = self as unknown as Scope;

const SHELL = `saola-field-${__FIELD_SHELL__.version}`;
/** What the page loads when it is asked for: the map, the door. Kept as it is first seen. */
const LATER = 'saola-field-later';
const TILES = 'saola-field-tiles';
const FILES = new Set(__FIELD_SHELL__.files);
const PAGE = '/field';

scope.addEventListener('install', (event) => {
  // Past the browser's own cache only for the page: everything else is named after its content.
  const keep = async (): Promise<void> => {
    const cache = await caches.open(SHELL);
    await cache.addAll(__FIELD_SHELL__.files.map((file) => new Request(file, file === PAGE ? { cache: 'reload' } : {})));
    await scope.skipWaiting();
  };
  event.waitUntil(keep());
});

scope.addEventListener('activate', (event) => {
  const clean = async (): Promise<void> => {
    const names = await caches.keys();
    const old = names.filter((name) => name.startsWith('saola-field-') && ![SHELL, LATER, TILES].includes(name));
    await Promise.all(old.map((name) => caches.delete(name)));
    await scope.clients.claim();
  };
  event.waitUntil(clean());
});

/** The page as it is kept: at once, however poor the network. A new one comes with a new worker. */
async function page(request: Request): Promise<Response> {
  return (await caches.match(PAGE, { cacheName: SHELL })) ?? fetch(request);
}

/** Keeps it if it can: storage may be full. */
const keepIn = (name: string, request: Request, answer: Response): Promise<void> =>
  caches.open(name).then((cache) => cache.put(request, answer)).catch(() => undefined);

async function kept(request: Request): Promise<Response> {
  const found = await caches.match(request, { cacheName: SHELL }) ?? await caches.match(request, { cacheName: LATER });
  if (found) return found;
  const answer = await fetch(request);
  // A phone that is full shows it all the same.
  if (answer.ok) await keepIn(LATER, request, answer.clone());
  return answer;
}

async function tile(request: Request): Promise<Response> {
  const cache = await caches.open(TILES);
  const found = await cache.match(request);
  if (found && Date.now() - Date.parse(found.headers.get('x-kept-at') ?? '') < TILE_FRESH_MS) return found;
  try {
    const answer = await fetch(request);
    if (!answer.ok) return answer;
    const headers = new Headers(answer.headers);
    headers.set('x-kept-at', new Date().toUTCString());
    headers.delete('content-encoding');
    const body = answer.status === 204 ? null : await answer.arrayBuffer();
    // A place without anything is worth keeping too; 204 cannot be read again from a cache as it is.
    const copy = new Response(body ?? new ArrayBuffer(0), { status: 200, headers });
    await keepIn(TILES, request, copy.clone());
    for (const old of tooMany(await cache.keys(), TILES_MAX)) await cache.delete(old);
    return copy;
  } catch (error) {
    if (found) return found;
    throw error;
  }
}

scope.addEventListener('fetch', (event) => {
  const url = new URL(event.request.url);
  if (url.origin !== scope.location.origin) return;
  const how = way(event.request.method, event.request.mode, url.pathname, FILES);
  if (how === 'page') event.respondWith(page(event.request));
  else if (how === 'kept') event.respondWith(kept(event.request));
  else if (how === 'tile') event.respondWith(tile(event.request));
});

/** There is a network again, and reports wait; the page may be closed. What fails is tried again by the browser. */
scope.addEventListener('sync', (event) => {
  if (event.tag !== TAG) return;
  const send = async (): Promise<void> => {
    await alone(drainAll);
    for (const client of await scope.clients.matchAll({ type: 'window' })) client.postMessage(TAG);
  };
  event.waitUntil(send());
});

/** What is told while the page is closed: the words are the server's. */
scope.addEventListener('push', (event) => {
  let told: { title?: unknown; body?: unknown; subject?: unknown; text?: unknown; tag?: unknown; alert?: unknown; key?: unknown } = {};
  try {
    told = (event.data?.json() ?? {}) as typeof told;
  } catch {
    told = { text: event.data?.text() };
  }
  const word = (...parts: unknown[]): string => parts.find((part): part is string => typeof part === 'string' && part !== '') ?? '';
  const show = scope.registration.showNotification(word(told.title, told.subject) || 'Saola', {
    body: word(told.body, told.text),
    icon: '/field-192.png',
    badge: '/field-192.png',
    tag: word(told.tag, told.alert, told.key) || 'saola',
    // What replaces one that is there is news too: an escalation must sound.
    renotify: true,
  } as NotificationOptions);
  event.waitUntil(show);
});

scope.addEventListener('notificationclick', (event) => {
  event.notification.close();
  const open = async (): Promise<void> => {
    const windows = await scope.clients.matchAll({ type: 'window' });
    const there = windows.find((client) => new URL(client.url).pathname === PAGE);
    await (there ? there.focus() : scope.clients.openWindow(PAGE));
  };
  event.waitUntil(open());
});
