// Drafts over answers that are lost, refused, or too late.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Draft, drafts } from './drafts.svelte';
import { alert } from './fixture';

interface Asked {
  path: string;
  key: string | null;
  version: string | null;
  body: unknown;
}

let asked: Asked[];
let answers: Array<() => Response>;

beforeEach(() => {
  asked = [];
  answers = [];
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => {
    if (init.method !== 'POST') return Promise.resolve(new Response('{}'));
    const headers = new Headers(init.headers);
    asked.push({ path, key: headers.get('idempotency-key'), version: headers.get('if-match'), body: JSON.parse(String(init.body)) as unknown });
    const answer = answers.shift();
    return answer ? Promise.resolve().then(answer) : Promise.resolve(new Response('{}'));
  });
});
afterEach(() => vi.unstubAllGlobals());

const lost = (): Response => {
  throw new TypeError('network');
};
const problem = (status: number, body: object) => (): Response => new Response(JSON.stringify(body), { status });

test('a repeat of the same wish has the same key, another wish another', async () => {
  answers = [lost, lost];
  const draft = drafts.open(alert('a'), 'comment');
  draft.said.text = 'đang đến';
  expect(await drafts.send(draft)).toBe(false);
  expect(draft.phase).toBe('unreachable');
  await drafts.send(draft);
  draft.said.text = 'đã đến';
  expect(await drafts.send(draft)).toBe(true);
  expect(asked[0]?.key).toBe(asked[1]?.key);
  expect(asked[2]?.key).not.toBe(asked[1]?.key);
  expect(asked.map(({ version }) => version)).toEqual([null, null, null]);
  expect(drafts.of('a')).toBeUndefined();
});

test('who was too late keeps the text, and sends it again to what was shown meanwhile', async () => {
  const present = { id: 'b', state: 'active', severity: 'low', started_at: '2026-11-22T10:00:00Z', version: 4 };
  answers = [problem(412, { code: 'changed_since', detail: 'the alert has version 4 by now', present })];
  const draft = drafts.open(alert('b', { version: 3 }), 'close');
  draft.said.note = 'đốt nương';
  expect(await drafts.send(draft)).toBe(false);
  expect([draft.phase, draft.said.note]).toEqual(['changed', 'đốt nương']);
  await drafts.send(draft);
  expect(asked.map(({ version }) => version)).toEqual(['"3"', '"4"']);
  expect(asked[1]).toMatchObject({ path: '/api/v1/alerts/b/close', body: { cause: 'false_alarm', note: 'đốt nương' } });
});

test('what is being written stays when another step is done, and when its form is folded', async () => {
  const one = alert('c');
  drafts.open(one, 'comment').said.text = 'nửa câu';
  expect(await drafts.quick(one, 'acknowledge')).toBe(true);
  expect(drafts.of('c')?.said.text).toBe('nửa câu');
  drafts.open(one, 'assign').said.to = 'lan';
  drafts.fold('c');
  expect(drafts.of('c')).toBeUndefined();
  expect(drafts.open(one, 'comment').said.text).toBe('nửa câu');
  expect(drafts.open(one, 'assign').said.to).toBe('lan');
});

test('what the same person did meanwhile is no change by somebody else', async () => {
  answers = [problem(200, { version: 6 })];
  const one = alert('f', { version: 5 });
  const closing = drafts.open(one, 'close');
  await drafts.send(drafts.open(one, 'assign'));
  await drafts.send(closing);
  expect(asked.map(({ version }) => version)).toEqual(['"5"', '"6"']);
});

test('what is missing is told and nothing is asked', async () => {
  const draft = new Draft('d', 'shelve', 1);
  expect(await drafts.send(draft)).toBe(false);
  expect(draft.faults).toHaveLength(2);
  expect(asked).toEqual([]);
});

test('a refusal says why', async () => {
  answers = [problem(409, { detail: 'the alert is over' }), problem(403, { detail: 'not allowed' })];
  const one = alert('e');
  expect(await drafts.quick(one, 'acknowledge')).toBe(false);
  expect(drafts.of('e')).toMatchObject({ phase: 'refused', refusal: 'the alert is over' });
  await drafts.quick(one, 'acknowledge');
  expect(drafts.for('e', 'acknowledge')?.refusal).toBe('');
});
