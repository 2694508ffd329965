// The severities of alerts: their order, words, colours and shapes. Apart from the other states, so that a page on a poor
// network loads these alone; see states.ts for what they mean beside each other.

export type Language = 'vi' | 'en';
export type Theme = 'dark' | 'light';
export type Words = Readonly<Record<Language, string>>;

/** Mildest first, as the server orders them. */
export const SEVERITIES = ['low', 'medium', 'high', 'very_high', 'catastrophic'] as const;
export type Severity = (typeof SEVERITIES)[number];

interface SeverityLook {
  words: Words;
  /** Fill of the mark. */
  colour: Readonly<Record<Theme, string>>;
  /** What is written on the fill: dark or light ink with at least 4.5:1. */
  ink: Readonly<Record<Theme, string>>;
  /** Outline of the mark, a 24 x 24 drawing: 0, 4, 3, 8 corners and a burst. */
  shape: string;
  /** What stands in the mark, drawn as strokes. */
  sign: string;
}

export const SEVERITY: Readonly<Record<Severity, SeverityLook>> = {
  low: {
    words: { vi: 'Thấp', en: 'Low' },
    colour: { dark: '#8fd0f7', light: '#7cc4f0' },
    ink: { dark: '#08202e', light: '#08202e' },
    shape: 'M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z',
    sign: 'M12 11v5.5M12 7.4v.1',
  },
  medium: {
    words: { vi: 'Trung bình', en: 'Medium' },
    colour: { dark: '#f6e27a', light: '#f2d84b' },
    ink: { dark: '#2a2300', light: '#2a2300' },
    shape: 'M12 1.5 22.5 12 12 22.5 1.5 12z',
    sign: 'M12 7.5v5M12 16.4v.1',
  },
  high: {
    words: { vi: 'Cao', en: 'High' },
    colour: { dark: '#ff9d42', light: '#f58a1f' },
    ink: { dark: '#2b1400', light: '#2b1400' },
    shape: 'M12 1.8 23 21.5H1z',
    sign: 'M12 9v5.5M12 18v.1',
  },
  very_high: {
    words: { vi: 'Rất cao', en: 'Very high' },
    colour: { dark: '#e5383f', light: '#c8202a' },
    ink: { dark: '#ffffff', light: '#ffffff' },
    shape: 'M8 2h8l6 6v8l-6 6H8l-6-6V8z',
    sign: 'M12 6.5v7M12 17.3v.1',
  },
  catastrophic: {
    words: { vi: 'Thảm họa', en: 'Catastrophic' },
    colour: { dark: '#9a4df0', light: '#7a2bd0' },
    ink: { dark: '#ffffff', light: '#ffffff' },
    shape: 'M12 .5l2.9 3.9 4.7-1.3.5 4.9 4.4 2-2.6 4 2.6 4-4.4 2-.5 3.5-4.7-.6L12 23.5l-2.9-2.6-4.7.6-.5-3.5-4.4-2 2.6-4-2.6-4 4.4-2 .5-4.9 4.7 1.3z',
    sign: 'M9.5 7v6.5M9.5 17v.1M14.5 7v6.5M14.5 17v.1',
  },
};

/** Where a severity stands, none lowest: for sorting and for the worst of several. */
export function rank(severity: Severity | null): number {
  return severity === null ? -1 : SEVERITIES.indexOf(severity);
}
