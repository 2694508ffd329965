// Signing out, on whichever page: this device shows nothing more of it, also when the server cannot be told now.
import { ApiError, signOut } from '../api/client';
import { noteCursor } from '../field/early';
import { shelf } from '../field/shelf';

/** That the session here is to end and may not have; public/field-early.js asks for nothing while it stands. */
const OUT = 'saola.signed-out';
const CHANNEL = 'saola-session';

/** Without storage it lasts as long as the page. */
let out = false;

function mark(isSo: boolean): void {
  out = isSo;
  try {
    if (isSo) localStorage.setItem(OUT, '1');
    else localStorage.removeItem(OUT);
  } catch {
    // As above.
  }
}

/** Whether somebody left whose session the server may still hold. */
export function isLeft(): boolean {
  try {
    return out || localStorage.getItem(OUT) !== null;
  } catch {
    return out;
  }
}

/** Somebody has signed in: theirs is another session. */
export const came = (): void => mark(false);

/** Ends a session that could not be ended when it was left. */
export async function finishLeaving(): Promise<void> {
  await signOut().catch((error: unknown) => {
    if (!(error instanceof ApiError && error.status === 401)) throw error;
  });
  mark(false);
}

/** Leaves; `before` has what the session is needed for. Whether the server knows. */
export async function leave(before: () => Promise<unknown> = () => Promise.resolve()): Promise<boolean> {
  mark(true);
  noteCursor(null);
  if ('BroadcastChannel' in globalThis) {
    const channel = new BroadcastChannel(CHANNEL);
    channel.postMessage('left');
    channel.close();
  }
  await shelf.letGo().catch(() => undefined);
  await before().catch(() => undefined);
  return finishLeaving().then(() => true, () => false);
}

/** Tells when somebody leaves on another page of this device; ends with what is returned. */
export function onLeft(then: () => void): () => void {
  if (!('BroadcastChannel' in globalThis)) return () => undefined;
  const channel = new BroadcastChannel(CHANNEL);
  channel.onmessage = then;
  return () => channel.close();
}
