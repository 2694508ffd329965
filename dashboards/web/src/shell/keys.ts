// Shortcuts of one letter: which key asks for what. Nothing of it is heard while something is written.

export type Wish =
  | 'next' | 'previous' | 'acknowledge' | 'comment' | 'assign' | 'shelve' | 'close'
  | 'alerts' | 'stations' | 'search' | 'room' | 'technical' | 'handover' | 'home'
  | 'layers' | 'time' | 'play' | 'back' | 'forward' | 'present'
  | 'clear' | 'sound' | 'language' | 'theme' | 'help';

/** What the help says; `open` and `escape` are the browser's and the panels' own. */
export const GROUPS = {
  go: [['1', 'room'], ['2', 'technical'], ['3', 'handover'], ['w', 'alerts'], ['t', 'stations'], ['/', 'search'], ['h', 'home']],
  alerts: [['j', 'next'], ['k', 'previous'], ['Enter', 'open'], ['a', 'acknowledge'], ['g', 'assign'], ['c', 'comment'], ['s', 'shelve'], ['x', 'close'], ['Esc', 'escape']],
  time: [['o', 'layers'], ['r', 'time'], ['p', 'play'], [',', 'back'], ['.', 'forward'], ['n', 'present']],
  page: [['f', 'clear'], ['m', 'sound'], ['l', 'language'], ['d', 'theme'], ['?', 'help']],
} as const;

const WISHES = new Map<string, Wish>(
  Object.values(GROUPS)
    .flat()
    .filter((entry): entry is readonly [string, Wish] & typeof entry => entry[1] !== 'open' && entry[1] !== 'escape')
    .map(([key, wish]) => [key, wish]),
);

interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** What a press of a key asks for; null when it asks for nothing here. */
export function wishOf({ key, ctrlKey, metaKey, altKey }: Press, writing: boolean): Wish | null {
  if (writing || ctrlKey || metaKey || altKey) return null;
  return WISHES.get(key) ?? WISHES.get(key.toLowerCase()) ?? null;
}

/** Inputs that take no letters. */
const UNWRITTEN = ['range', 'checkbox', 'radio'];

/** Whether letters go into what has the focus. */
export function isWriting(element: Element | null): boolean {
  if (!(element instanceof HTMLElement)) return false;
  if (element instanceof HTMLInputElement && UNWRITTEN.includes(element.type)) return false;
  return element.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(element.tagName);
}
