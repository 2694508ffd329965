// The map's letters: the page's own font files, so that no glyph server is needed.
import latin500 from '@fontsource/be-vietnam-pro/files/be-vietnam-pro-latin-500-normal.woff2?url';
import latin600 from '@fontsource/be-vietnam-pro/files/be-vietnam-pro-latin-600-normal.woff2?url';
import vietnamese500 from '@fontsource/be-vietnam-pro/files/be-vietnam-pro-vietnamese-500-normal.woff2?url';
import vietnamese600 from '@fontsource/be-vietnam-pro/files/be-vietnam-pro-vietnamese-600-normal.woff2?url';
import type { StyleSpecification } from 'maplibre-gl';

/** As in the font's own style sheets. */
const LATIN = ['U+0000-00FF', 'U+0131', 'U+0152-0153', 'U+2000-206F', 'U+20AC', 'U+2122', 'U+2191-2193', 'U+2212'];
const VIETNAMESE = ['U+0102-0103', 'U+0110-0111', 'U+0128-0129', 'U+0168-0169', 'U+01A0-01A1', 'U+01AF-01B0', 'U+0300-0309', 'U+0323', 'U+1EA0-1EF9', 'U+20AB'];

export const MEDIUM = ['Be Vietnam Pro Medium'];
export const SEMIBOLD = ['Be Vietnam Pro SemiBold'];

const faces = (latin: string, vietnamese: string) => [
  { url: vietnamese, 'unicode-range': VIETNAMESE },
  { url: latin, 'unicode-range': LATIN },
];

export const FONT_FACES: NonNullable<StyleSpecification['font-faces']> = {
  [MEDIUM[0] as string]: faces(latin500, vietnamese500),
  [SEMIBOLD[0] as string]: faces(latin600, vietnamese600),
};
