// Which station is open. Kept in the address (#/station/ID), so that a screen can be sent to a colleague and a phone's
// back button closes the panel.

const PREFIX = '#/station/';

class Selection {
  id = $state<string | null>(null);
  /** Counts requests to go there: the map moves when it changes, also to the station that is open already. */
  flights = $state(0);
  /** What had the focus before the panel opened. */
  #from: HTMLElement | null = null;

  /** Opens a station where the map stands. */
  open(id: string): void {
    if (this.id === null && document.activeElement instanceof HTMLElement) this.#from = document.activeElement;
    if (this.id !== id) history.pushState(null, '', PREFIX + encodeURIComponent(id));
    this.id = id;
  }

  /** Opens a station and moves the map to it. */
  flyTo(id: string): void {
    this.open(id);
    this.flights += 1;
  }

  close(): void {
    if (this.id === null) return;
    history.pushState(null, '', location.pathname + location.search);
    this.#leave();
  }

  /** Follows the address: at the start and at the browser's back and forward. */
  follow(): void {
    const { hash } = location;
    if (!hash.startsWith(PREFIX)) {
      this.#leave();
      return;
    }
    try {
      this.id = decodeURIComponent(hash.slice(PREFIX.length)) || null;
      this.flights += 1;
    } catch {
      this.#leave();
    }
  }

  #leave(): void {
    this.id = null;
    // The element may have left the page meanwhile (an alert that was cleared); then the browser keeps the focus.
    if (this.#from?.isConnected) this.#from.focus();
    this.#from = null;
  }
}

export const selection = new Selection();
