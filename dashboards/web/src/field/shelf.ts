// The phone's own storage (IndexedDB): what it holds of alerts, and reports that wait. Both outlive the page.
import type { Held } from './held';
import type { Waiting } from './reports';

const NAME = 'saola-field';
const STATE = 'state';
const QUEUE = 'queue';

let opened: Promise<IDBDatabase> | undefined;

function database(): Promise<IDBDatabase> {
  opened ??= new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(NAME, 1);
    request.onupgradeneeded = () => {
      request.result.createObjectStore(STATE);
      request.result.createObjectStore(QUEUE, { keyPath: 'place', autoIncrement: true });
    };
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error('IndexedDB'));
    request.onblocked = () => reject(new Error('IndexedDB is blocked'));
  }).catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

/** Resolves when the change is on the phone's storage, not before. */
async function change<T>(store: string, mode: IDBTransactionMode, act: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const transaction = (await database()).transaction(store, mode, { durability: 'strict' });
  const request = act(transaction.objectStore(store));
  return new Promise<T>((resolve, reject) => {
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = transaction.onerror = () => reject(transaction.error ?? new Error('IndexedDB'));
  });
}

export const shelf = {
  held: (): Promise<Held | undefined> => change(STATE, 'readonly', (store) => store.get('held') as IDBRequest<Held | undefined>),
  hold: (held: Held): Promise<unknown> => change(STATE, 'readwrite', (store) => store.put(held, 'held')),
  letGo: (): Promise<unknown> => change(STATE, 'readwrite', (store) => store.delete('held')),

  /** In the order in which they were made. */
  queue: (): Promise<Waiting[]> => change(QUEUE, 'readonly', (store) => store.getAll() as IDBRequest<Waiting[]>),
  add: (report: Omit<Waiting, 'place'>): Promise<IDBValidKey> => change(QUEUE, 'readwrite', (store) => store.add(report)),
  put: (report: Waiting): Promise<unknown> => change(QUEUE, 'readwrite', (store) => store.put(report)),
  remove: (place: number): Promise<unknown> => change(QUEUE, 'readwrite', (store) => store.delete(place)),
};
