// A list draws its next rows before somebody has scrolled to its end.
import type { Action } from 'svelte/action';

/** So far above and below what is seen, in pixels. */
const AHEAD_PX = 800;

/** Calls once, as soon as the element is near to what is seen of the list that scrolls it. */
export const nearing: Action<HTMLElement, () => void> = (node, then) => {
  let root: HTMLElement | null = node.parentElement;
  while (root && !['auto', 'scroll'].includes(getComputedStyle(root).overflowY)) root = root.parentElement;
  const watcher = new IntersectionObserver(
    (seen) => {
      if (!seen.some(({ isIntersecting }) => isIntersecting)) return;
      watcher.disconnect();
      then();
    },
    { root, rootMargin: `${AHEAD_PX}px 0px` },
  );
  watcher.observe(node);
  return { destroy: () => watcher.disconnect() };
};
