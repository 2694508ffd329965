// A kind as the server says it; `KIND` has the words.
import { oneOf } from '../api/json';
import { KINDS, type Kind } from '../states';

export { KIND } from '../states';
export const oneKind = (word: string): Kind => oneOf(word, KINDS) ?? 'weather';
