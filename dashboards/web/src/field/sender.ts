// Sends what waits, from the page and, where the browser wakes it for that, from the service worker.
import { ask, ApiError } from '../api/client';
import { body, fate, isFinal, next, type Waiting } from './reports';
import { shelf } from './shelf';
import { readResults } from './wire';

/** A photo at 50 kbit/s takes its time. */
const PATIENCE_MS = 200_000;
/** What the browser is asked to wake the worker for, and what the worker tells the page when it has sent something. */
export const TAG = 'saola-reports';

/** One at a time, of all windows and the worker: what two send at once arrives once, but twice the way. */
export function alone<T>(work: () => Promise<T>): Promise<T> {
  return 'locks' in navigator ? navigator.locks.request(TAG, work) : work();
}

/** Whether the work was done: not while something is being sent. */
export async function unlessSending(work: () => Promise<unknown>): Promise<boolean> {
  if (!('locks' in navigator)) return work().then(() => true);
  return navigator.locks.request(TAG, { ifAvailable: true }, async (lock) => {
    if (lock === null) return false;
    await work();
    return true;
  });
}

/** Sends everything of an account, in order; `sent` is told what waits, at first (others may have sent it) and after each part. */
export async function drain(account: string, sent: (queue: readonly Waiting[]) => void): Promise<void> {
  let queue = await shelf.queue();
  sent(queue);
  const tell = async (): Promise<void> => sent(await shelf.queue());
  for (let batch = next(queue, account); batch.length > 0; batch = next(queue, account)) {
    const isShorter = await send(batch, account, tell);
    queue = await shelf.queue();
    sent(queue);
    if (!isShorter) break;
  }
}

/** Sends everything, whoever's it is: the server refuses what is another's than who has signed in. */
export async function drainAll(): Promise<void> {
  const accounts = new Set((await shelf.queue()).filter((report) => report.refused === null).map((report) => report.account));
  for (const account of accounts) await drain(account, () => undefined);
}

/** Whether the queue got shorter. */
async function send(asked: readonly Waiting[], account: string, tell: () => Promise<void>): Promise<boolean> {
  const batch = asked.map((report) => ({ ...report, tried: true }));
  // Before it goes: whether a lost answer was a yes, nobody knows here.
  for (const [place, report] of batch.entries()) if (asked[place]?.tried !== true) await shelf.put(report);
  await tell();
  const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ account, reports: batch.map(body) }) };
  let results;
  try {
    const response = await ask('/api/v1/field/reports', init, PATIENCE_MS);
    results = readResults(await response.json());
  } catch (error) {
    // Another account has signed in meanwhile: what is whose shows with its first answer.
    if (error instanceof ApiError && error.status === 409) return false;
    if (!(error instanceof ApiError) || !isFinal(error.code)) throw error;
    const [only, ...others] = batch;
    // One of several may be at fault: each for itself then.
    if (others.length > 0) {
      for (const report of batch) if (!(await send([report], account, tell))) return false;
      return true;
    }
    if (only) await shelf.put({ ...only, refused: { code: error.code, reason: error.message } });
    return true;
  }
  let waits = false;
  for (const report of batch) {
    const { fate: end, code, reason } = fate(report, results);
    if (end === 'arrived') await shelf.remove(report.place);
    else if (end === 'refused') await shelf.put({ ...report, refused: { code, reason } });
    else waits = true;
  }
  return !waits;
}
