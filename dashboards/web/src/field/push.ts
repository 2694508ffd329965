// Notifications on this phone while the page is closed, where browser and server have them.
import { ask, ApiError, getJson } from '../api/client';
import { object, text } from '../api/json';
import { remember } from '../shell/remembered';

export type Outcome = 'on' | 'off' | 'denied' | 'nobody' | { failed: string };

/** What this phone is called at the server, so that it can be withdrawn. */
const ID = 'field.push';

export const canPush = (): boolean => 'serviceWorker' in navigator && 'PushManager' in window && 'Notification' in window;

function bytes(key: string): Uint8Array<ArrayBuffer> {
  const letters = atob(key.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}

/** The server's key; null when it has no push. */
export async function pushKey(): Promise<string | null> {
  return getJson('/api/v1/push/key').then((told) => text(object(told).key), () => null);
}

/** Whether this browser has subscribed already. */
export async function isOn(): Promise<boolean> {
  const registration = await navigator.serviceWorker.getRegistration('/field');
  return ((await registration?.pushManager.getSubscription()) ?? null) !== null;
}

export async function turnOn(key: string): Promise<Outcome> {
  if ((await Notification.requestPermission()) !== 'granted') return 'denied';
  try {
    const registration = await navigator.serviceWorker.ready;
    const subscription = await registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(key) });
    const { endpoint, keys } = subscription.toJSON();
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ endpoint, keys }) };
    try {
      const id = text(object(await (await ask('/api/v1/push/subscriptions', init)).json()).id);
      if (id) remember(ID, id);
    } catch (error) {
      await subscription.unsubscribe();
      if (error instanceof ApiError && error.status === 409) return 'nobody';
      throw error;
    }
    return 'on';
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

export async function turnOff(): Promise<Outcome> {
  try {
    const registration = await navigator.serviceWorker.getRegistration('/field');
    await (await registration?.pushManager.getSubscription())?.unsubscribe();
    const id = anything(ID);
    if (id) await ask(`/api/v1/push/subscriptions/${encodeURIComponent(id)}`, { method: 'DELETE' });
    return 'off';
  } catch (error) {
    return { failed: error instanceof Error ? error.message : String(error) };
  }
}

function anything(key: string): string | null {
  try {
    return localStorage.getItem(`saola.${key}`);
  } catch {
    return null;
  }
}
