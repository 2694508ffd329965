// The stream over a line that breaks in every way that lines break.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Stream, type StreamEvents } from './stream';

class FakeSource {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSED = 2;
  static all: FakeSource[] = [];
  readyState = FakeSource.CONNECTING;
  onopen: (() => void) | null = null;
  onerror: (() => void) | null = null;
  readonly #listeners = new Map<string, (event: object) => void>();

  constructor(readonly url: string) {
    FakeSource.all.push(this);
  }

  addEventListener(name: string, take: (event: object) => void): void {
    this.#listeners.set(name, take);
  }

  close(): void {
    this.readyState = FakeSource.CLOSED;
  }

  open(): void {
    this.readyState = FakeSource.OPEN;
    this.onopen?.();
  }

  tell(name: string, data: string, lastEventId = ''): void {
    this.#listeners.get(name)?.({ data, lastEventId });
  }
}

let told: string[];
let answering: () => Promise<Response>;
let stream: Stream;
const last = (): FakeSource => FakeSource.all.at(-1) as FakeSource;
const ok = (): Promise<Response> => Promise.resolve(new Response('{}'));
const dead = (): Promise<Response> => Promise.reject(new Error('timeout'));

beforeEach(() => {
  vi.useFakeTimers();
  FakeSource.all = [];
  told = [];
  answering = ok;
  vi.stubGlobal('EventSource', FakeSource);
  vi.stubGlobal('fetch', () => answering());
  const events: StreamEvents = {
    opened: (how) => told.push(how),
    broken: () => told.push('broken'),
    change: (body) => told.push(`change ${JSON.stringify(body)}`),
    alert: () => told.push('alert'),
    incident: () => told.push('incident'),
    heartbeat: () => told.push('heartbeat'),
    resync: () => told.push('resync'),
  };
  stream = new Stream(() => '/stream', events);
  stream.start();
});
afterEach(() => {
  stream.stop();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('a line over which nothing comes is told within five seconds, and gone on with behind the last event', async () => {
  last().open();
  last().tell('change', '{"a":1}', '41');
  answering = dead;
  await vi.advanceTimersByTimeAsync(5_000);
  expect(told).toEqual(['new', 'change {"a":1}', 'broken']);
  answering = ok;
  await vi.advanceTimersByTimeAsync(3_000);
  expect(FakeSource.all).toHaveLength(2);
  expect(last().url).toBe('/stream?last_event_id=41');
  last().open();
  expect(told.at(-1)).toBe('resumed');
});

test('a server that was only slow to answer goes on over the same line', async () => {
  last().open();
  answering = dead;
  await vi.advanceTimersByTimeAsync(5_000);
  last().tell('heartbeat', '{}', '7');
  expect(told).toEqual(['new', 'broken', 'resumed', 'heartbeat']);
  expect(FakeSource.all).toHaveLength(1);
});

test('a quiet line to a server that answers stays as it is, until two heartbeats are missing', async () => {
  last().open();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(told).toEqual(['new']);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(told).toEqual(['new', 'broken']);
  expect(FakeSource.all).toHaveLength(2);
});

test('a line that was never heard from is loaded anew', async () => {
  last().readyState = FakeSource.CLOSED;
  last().onerror?.();
  await vi.advanceTimersByTimeAsync(3_000);
  expect(last().url).toBe('/stream');
  last().open();
  expect(told).toEqual(['broken', 'new']);
});

test('a connection that does not come about is tried again', async () => {
  await vi.advanceTimersByTimeAsync(12_000);
  expect(FakeSource.all.length).toBeGreaterThan(1);
});

test('half an event is left out, and a resync needs no words', () => {
  last().open();
  last().tell('change', '{"a"');
  last().tell('resync', '');
  expect(told).toEqual(['new', 'resync']);
});
