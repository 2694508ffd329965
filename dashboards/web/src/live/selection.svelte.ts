// What is open: a station, an alert, or another view. Kept in the address (#/station/ID, #/alert/ID, #/technical,
// #/handover), so that a screen can be sent to a colleague and a phone's back button closes the panel.

export const VIEWS = ['room', 'technical', 'handover'] as const;
export type View = (typeof VIEWS)[number];

interface Place {
  lon: number;
  lat: number;
  radiusM: number;
}

class Selection {
  /** The open station, or the one that the open alert is about. */
  id = $state<string | null>(null);
  alert = $state<string | null>(null);
  view = $state<View>('room');
  /** Counts requests to go there: the map moves when it changes, also to the station that is open already. */
  flights = $state(0);
  /** Where the last flight leads when it is not the station. */
  place = $state.raw<Place | null>(null);
  /** What had the focus before the panel opened. */
  #from: HTMLElement | null = null;

  /** Whether a panel is open. */
  get any(): boolean {
    return this.id !== null || this.alert !== null;
  }

  /** Opens a station where the map stands. */
  open(id: string): void {
    this.#remember();
    if (this.id !== id || this.alert !== null) this.#go(`#/station/${encodeURIComponent(id)}`);
    this.id = id;
    this.alert = null;
    this.place = null;
  }

  /** Opens a station and moves the map to it. */
  flyTo(id: string): void {
    this.open(id);
    this.flights += 1;
  }

  /** Opens an alert and moves the map to what it is about. */
  flyToAlert(alert: { id: string; station: string }, place: Place | null = null): void {
    this.#remember();
    if (this.alert !== alert.id) this.#go(`#/alert/${encodeURIComponent(alert.id)}`);
    this.alert = alert.id;
    this.id = alert.station || null;
    this.place = alert.station ? null : place;
    this.flights += 1;
  }

  /** Moves the map; what is open stays open. */
  flyToPlace(place: Place): void {
    this.place = place;
    this.flights += 1;
  }

  /** An alert that came by its address is about this station. */
  about(station: string): void {
    if (this.id === station || station === '') return;
    this.id = station;
    this.flights += 1;
  }

  turn(view: View): void {
    if (this.view === view) return;
    this.#go(view === 'room' ? '' : `#/${view}`);
    this.#leave();
    this.view = view;
  }

  close(): void {
    if (!this.any) return;
    this.#go('');
    this.#leave();
  }

  /** Follows the address: at the start and at the browser's back and forward. */
  follow(): void {
    const [, kind = '', name = ''] = location.hash.match(/^#\/(\w+)(?:\/(.*))?$/) ?? [];
    this.view = VIEWS.find((view) => view === kind) ?? 'room';
    let id = '';
    try {
      id = decodeURIComponent(name);
    } catch {
      // An address that somebody mistyped opens nothing.
    }
    if (id === '' || (kind !== 'station' && kind !== 'alert')) {
      this.#leave();
      return;
    }
    this.place = null;
    this.alert = kind === 'alert' ? id : null;
    this.id = kind === 'station' ? id : null;
    this.flights += 1;
  }

  #go(hash: string): void {
    history.pushState(null, '', location.pathname + location.search + hash);
  }

  #remember(): void {
    if (!this.any && document.activeElement instanceof HTMLElement) this.#from = document.activeElement;
    this.view = 'room';
  }

  #leave(): void {
    this.id = null;
    this.alert = null;
    // The element may have left the page meanwhile (an alert that was cleared); then the browser keeps the focus.
    if (this.#from?.isConnected) this.#from.focus();
    this.#from = null;
  }
}

export const selection = new Selection();
