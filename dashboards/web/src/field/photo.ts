// A photo for a poor network: drawn smaller, without what a camera writes beside the picture.

/** The longer side, and what is tried when the file is still too large. */
const SIDES = [1280, 960, 720] as const;
const QUALITY = 0.6;
/** About 25 s at 50 kbit/s. */
export const WANTED_BYTES = 120_000;

/** How large it is drawn. */
export function fitted(width: number, height: number, side: number): [number, number] {
  const scale = Math.min(1, side / Math.max(width, height));
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

function jpeg(canvas: HTMLCanvasElement): Promise<Blob> {
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no JPEG'))), 'image/jpeg', QUALITY));
}

/** JPEG of the wanted size, or the smallest that can be had. */
export async function smaller(file: Blob): Promise<Blob> {
  const picture = await createImageBitmap(file, { imageOrientation: 'from-image' });
  try {
    let made: Blob | null = null;
    for (const side of SIDES) {
      const canvas = document.createElement('canvas');
      [canvas.width, canvas.height] = fitted(picture.width, picture.height, side);
      const context = canvas.getContext('2d');
      if (!context) throw new Error('no 2d canvas');
      context.drawImage(picture, 0, 0, canvas.width, canvas.height);
      made = await jpeg(canvas);
      if (made.size <= WANTED_BYTES) break;
    }
    if (!made) throw new Error('no JPEG');
    return made;
  } finally {
    picture.close();
  }
}

export async function base64(blob: Blob): Promise<string> {
  const bytes = new Uint8Array(await blob.arrayBuffer());
  let letters = '';
  for (let start = 0; start < bytes.length; start += 0x8000) letters += String.fromCharCode(...bytes.subarray(start, start + 0x8000));
  return btoa(letters);
}
