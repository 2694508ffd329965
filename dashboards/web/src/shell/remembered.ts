// Choices that this device remembers. Storage may be forbidden (private windows): then nothing is remembered.

const PREFIX = 'saola.';

/** The remembered word if it is one of `allowed`, otherwise the first of them. */
export function remembered<T extends string>(key: string, allowed: readonly [T, ...T[]]): T {
  try {
    const word = localStorage.getItem(PREFIX + key);
    return allowed.find((candidate) => candidate === word) ?? allowed[0];
  } catch {
    return allowed[0];
  }
}

/** Remembers a choice, if it can. */
export function remember(key: string, word: string): void {
  try {
    localStorage.setItem(PREFIX + key, word);
  } catch {
    // Nothing to be done: the choice lasts as long as the page.
  }
}
