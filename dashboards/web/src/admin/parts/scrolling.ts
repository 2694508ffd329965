// A table that is wider than its place can be scrolled by the keyboard too: it takes the focus while it is.
import type { Action } from 'svelte/action';

export const scrolling: Action<HTMLElement> = (node) => {
  const look = (): void => {
    if (node.scrollWidth <= node.clientWidth) {
      for (const name of ['tabindex', 'role', 'aria-labelledby']) node.removeAttribute(name);
      return;
    }
    const heading = node.closest('[aria-labelledby]:not(.sheet-scroll)')?.getAttribute('aria-labelledby');
    node.tabIndex = 0;
    node.setAttribute('role', 'group');
    if (heading) node.setAttribute('aria-labelledby', heading);
  };
  const watcher = new ResizeObserver(look);
  watcher.observe(node);
  for (const child of node.children) watcher.observe(child);
  return { destroy: () => watcher.disconnect() };
};
