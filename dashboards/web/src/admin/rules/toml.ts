// As much of TOML as rules are written in, to draw a rule's thresholds before the server has it. The server alone says
// whether a text is right; what this cannot read is simply not drawn (null).
type Table = Record<string, unknown>;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '"': '"', '\\': '\\' };

class Reader {
  #at = 0;
  constructor(readonly text: string) {}

  document(): Table {
    const root: Table = {};
    let table = root;
    for (this.#blank('lines'); this.#at < this.text.length; this.#blank('lines')) {
      if (this.text.startsWith('[[', this.#at)) table = this.#header(root, ']]');
      else if (this.text[this.#at] === '[') table = this.#header(root, ']');
      else this.#pair(table);
      this.#blank('line');
      if (this.#at < this.text.length && this.text[this.#at] !== '\n') throw new Error('rest of a line');
    }
    return root;
  }

  #header(root: Table, end: ']]' | ']'): Table {
    this.#at += end.length;
    const path = this.#path();
    if (!this.text.startsWith(end, this.#at)) throw new Error('header');
    this.#at += end.length;
    const last = path.pop() ?? '';
    const parent = walk(root, path);
    const fresh: Table = {};
    if (end === ']') {
      const known = parent[last];
      if (typeof known === 'object' && known !== null && !Array.isArray(known)) return known as Table;
      parent[last] = fresh;
      return fresh;
    }
    const rows = Array.isArray(parent[last]) ? (parent[last] as Table[]) : [];
    rows.push(fresh);
    parent[last] = rows;
    return fresh;
  }

  #pair(table: Table): void {
    const path = this.#path();
    if (this.text[this.#at] !== '=') throw new Error('=');
    this.#at += 1;
    const last = path.pop() ?? '';
    walk(table, path)[last] = this.#value();
  }

  #path(): string[] {
    const path: string[] = [];
    do {
      if (path.length > 0) this.#at += 1;
      this.#blank('line');
      const quote = this.text[this.#at];
      path.push(quote === '"' || quote === "'" ? this.#string(quote) : this.#take(/[\w-]+/y));
      this.#blank('line');
    } while (this.text[this.#at] === '.');
    return path;
  }

  #value(): unknown {
    this.#blank('line');
    const first = this.text[this.#at];
    if (first === '"' || first === "'") return this.#string(first);
    if (first === '[') return this.#array();
    if (first === '{') return this.#inline();
    const word = this.#take(/[^\s,\]}#]+/y);
    if (word === 'true' || word === 'false') return word === 'true';
    const number = Number(word.replaceAll('_', ''));
    return Number.isNaN(number) ? word : number;
  }

  #string(quote: '"' | "'"): string {
    if (this.text.startsWith(quote.repeat(3), this.#at)) throw new Error('long strings are not read');
    let said = '';
    for (this.#at += 1; this.text[this.#at] !== quote; this.#at += 1) {
      const letter = this.text[this.#at];
      if (letter === undefined || letter === '\n') throw new Error('open string');
      if (letter !== '\\' || quote === "'") {
        said += letter;
        continue;
      }
      this.#at += 1;
      const escaped = ESCAPES[this.text[this.#at] ?? ''];
      if (escaped === undefined) throw new Error('escape');
      said += escaped;
    }
    this.#at += 1;
    return said;
  }

  #array(): unknown[] {
    const rows: unknown[] = [];
    for (this.#at += 1, this.#blank('lines'); this.text[this.#at] !== ']'; this.#blank('lines')) {
      rows.push(this.#value());
      this.#blank('lines');
      if (this.text[this.#at] === ',') this.#at += 1;
      else if (this.text[this.#at] !== ']') throw new Error('array');
    }
    this.#at += 1;
    return rows;
  }

  #inline(): Table {
    const table: Table = {};
    for (this.#at += 1, this.#blank('lines'); this.text[this.#at] !== '}'; this.#blank('lines')) {
      this.#pair(table);
      this.#blank('lines');
      if (this.text[this.#at] === ',') this.#at += 1;
      else if (this.text[this.#at] !== '}') throw new Error('table');
    }
    this.#at += 1;
    return table;
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.text)?.[0];
    if (!found) throw new Error('nothing');
    this.#at += found.length;
    return found;
  }

  /** Past blanks and a remark; over ends of lines too when asked. */
  #blank(what: 'line' | 'lines'): void {
    const pattern = what === 'line' ? /[ \t\r]*(#[^\n]*)?/y : /(\s+|#[^\n]*)*/y;
    pattern.lastIndex = this.#at;
    this.#at += pattern.exec(this.text)?.[0].length ?? 0;
  }
}

function walk(from: Table, path: readonly string[]): Table {
  let table = from;
  for (const name of path) {
    const known = table[name];
    const inner = Array.isArray(known) ? (known.at(-1) as unknown) : known;
    if (typeof inner === 'object' && inner !== null) table = inner as Table;
    else {
      const fresh: Table = {};
      table[name] = fresh;
      table = fresh;
    }
  }
  return table;
}

export function readToml(text: string): Table | null {
  try {
    return new Reader(text).document();
  } catch {
    return null;
  }
}
