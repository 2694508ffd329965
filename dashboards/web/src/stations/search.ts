// Finding stations by what people type: without diacritics, in any order of words.

/** Lower case without diacritics; `đ` is a letter of its own and has none to strip. */
export function plain(text: string): string {
  return text.toLowerCase().normalize('NFD').replace(/\p{M}/gu, '').replaceAll('đ', 'd');
}

/** Whether every word of the query occurs. */
export function matches(query: string, texts: readonly string[]): boolean {
  const inside = plain(texts.join(' '));
  return plain(query)
    .split(/\s+/)
    .every((word) => inside.includes(word));
}
