// Where on the page one is, as the address says it: #/stations/AQ-01.
export const SECTIONS = ['stations', 'unknown', 'rules', 'people', 'roster', 'areas', 'activity'] as const;
export type Section = (typeof SECTIONS)[number];

export interface Route {
  section: Section;
  /** What is open in it; empty: nothing. */
  subject: string;
}

export function readRoute(hash: string): Route {
  const [name = '', ...rest] = hash.replace(/^#\/?/, '').split('/');
  const section = SECTIONS.find((known) => known === name) ?? 'stations';
  let subject = '';
  try {
    subject = decodeURIComponent(rest.join('/'));
  } catch {
    // A broken escape leads to nothing.
  }
  return { section, subject };
}

export const writeRoute = ({ section, subject }: Route): string => `#/${section}${subject === '' ? '' : `/${encodeURIComponent(subject)}`}`;
