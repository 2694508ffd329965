// How series and answers are called, and whether the page is being printed.
import { speech } from '../words/language.svelte';
import type { Series } from './answer';
import { planner } from './planner.svelte';

/** A series' name: its station's, or its area's; what the link says when nobody knows it. */
export function nameOf(series: Pick<Series, 'key' | 'name'>): string {
  if (series.name) return speech.of(series.name);
  return speech.of(planner.station(series.key)?.name) || series.key;
}

/** What the answer on the screen is called: for those who listen, and for the file of a print. */
class Said {
  caption = $state('');
  title = $state('');

  tell(caption: string, title: string): void {
    this.caption = caption;
    this.title = title;
  }
}

export const said = new Said();

class Paper {
  is = $state(false);

  constructor() {
    const media = matchMedia('print');
    this.is = media.matches;
    media.addEventListener('change', () => (this.is = media.matches));
    // Browsers that draw the paper before the media query changes tell by these.
    addEventListener('beforeprint', () => (this.is = true));
    addEventListener('afterprint', () => (this.is = false));
  }
}

export const paper = new Paper();
