// What the server refused, at the fields and lines that it names.
import { ApiError } from '../api/client';
import { finite, list, object, text } from '../api/json';

export type FieldErrors = ReadonlyMap<string, string>;
export const NO_ERRORS: FieldErrors = new Map();

export interface Mistake {
  /** Which of the texts that were sent. */
  text: 'rule' | 'test';
  /** From 1; 0 when the text as a whole is meant. */
  line: number;
  key: string;
  message: string;
}

export function toApiError(error: unknown): ApiError {
  return error instanceof ApiError ? error : new ApiError(0, 'page', error instanceof Error ? error.message : String(error));
}

/** By the field's path. Bodies that are no definitions name theirs at the beginning of the sentence. */
export function fieldErrors(error: ApiError | null): FieldErrors {
  if (error === null) return NO_ERRORS;
  const found = new Map<string, string>();
  for (const row of list(error.problem.errors).map(object)) {
    const field = text(row.field);
    if (field !== null && !found.has(field)) found.set(field, text(row.message) ?? '');
  }
  if (found.size === 0 && (error.code === 'invalid_body' || error.code === 'invalid_parameter')) {
    const [, field, message] = /^([\w.[\]-]+): ([^]+)$/.exec(error.message) ?? [];
    if (field !== undefined && message !== undefined) found.set(field, message);
  }
  return found;
}

/** Errors of fields that a form does not have: they are said above it. */
export function elsewhere(errors: FieldErrors, isShown: (field: string) => boolean): Array<[string, string]> {
  return [...errors].filter(([field]) => !isShown(field));
}

/** Mistakes in a rule's text or in its tests: from `mistakes` of a change, or from the fields of a trial. */
export function mistakesOf(error: ApiError | null): Mistake[] {
  if (error === null) return [];
  const told = list(error.problem.mistakes).map(object);
  if (told.length > 0) {
    return told.map((row) => ({ text: 'rule', line: finite(row.line) ?? 0, key: text(row.key) ?? '', message: text(row.message) ?? '' }));
  }
  return list(error.problem.errors).map(object).flatMap((row) => {
    const [, file, key = ''] = /^(rule|test)(?:: ([^]*))?$/.exec(text(row.field) ?? '') ?? [];
    const [, line, message] = /^line (\d+): ([^]*)$/.exec(text(row.message) ?? '') ?? [];
    if ((file !== 'rule' && file !== 'test') || line === undefined || message === undefined) return [];
    return [{ text: file, line: Number(line), key, message }];
  });
}
