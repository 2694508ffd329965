// Asks for the first alerts while the field page itself is still on its way: at 50 kbit/s that is a second. The page uses
// the answer when it would have asked just that (src/field/early.ts), with the cursor of what the phone holds.
(() => {
  let cursor = '';
  let language = 'vi';
  try {
    // Somebody left without a network: the session is to end before anything else.
    if (localStorage.getItem('saola.signed-out') !== null) return;
    cursor = localStorage.getItem('saola.field.cursor') ?? '';
    if (localStorage.getItem('saola.language') === 'en') language = 'en';
  } catch {
    // Without storage there is nothing to go on from.
  }
  const path = `/api/v1/field/sync?budget=8192&lang=${language}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
  const answer = fetch(path, { credentials: 'same-origin', headers: { accept: 'application/json' } }).catch(() => null);
  globalThis.saolaEarly = { path, answer };
})();
