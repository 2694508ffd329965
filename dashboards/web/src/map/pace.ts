// How coarsely a moving map is drawn, judged by how its frames come.

/** Shares of the screen's pixels along a side, from sharp to coarse. */
const SHARES = [1, 0.7, 0.5, 0.35, 0.25, 0.18] as const;
/** Between frames: more is seen to stutter. Large screens of 30 pictures a second are not slow. */
const SLOW_MS = 40;
/** More is no frame: nobody looked at the page. */
const HIDDEN_MS = 5000;
/** So many in a row, because one frame comes late for many reasons. On a slow machine a movement has few. */
const SLOW_FRAMES = 2;
const REMEMBERED_MS = 10_000;
/** Frames in time before more pixels are tried: twice as many after every trial that failed, up to the most. */
const TRIAL_FRAMES = 40;
const TRIAL_FRAMES_MAX = 640;

/** The way between too many pixels for this machine and fewer than it could draw. */
export class Pace {
  #step = 0;
  #slow: number[] = [];
  #slowAt = 0;
  #inTime = 0;
  #patience = TRIAL_FRAMES;
  #isTrial = false;
  #isFirst = true;

  /** Of the screen's pixels along a side, 0 to 1. */
  get share(): number {
    return SHARES[this.#step] ?? 1;
  }

  /** A movement begins, now in milliseconds: it is drawn as the one before ended. */
  begin(now: number): void {
    this.#isFirst = true;
    if (now - this.#slowAt > REMEMBERED_MS) this.#slow = [];
  }

  /** Takes a frame that was drawn, now, so long after the one before, in milliseconds; whether the share is another one now. */
  frame(gapMs: number, now: number): boolean {
    // Another size costs its first frame more than those that follow.
    if (this.#isFirst || gapMs > HIDDEN_MS) {
      this.#isFirst = false;
      return false;
    }
    if (gapMs > SLOW_MS) {
      this.#inTime = 0;
      this.#slow.push(gapMs);
      this.#slowAt = now;
      return this.#slow.length >= SLOW_FRAMES && this.#coarser(Math.min(...this.#slow));
    }
    this.#slow = [];
    this.#inTime += 1;
    return this.#inTime >= this.#patience && this.#sharper();
  }

  /** To the sharpest step that is in time if a frame costs what its pixels cost, by one step at least. */
  #coarser(gapMs: number): boolean {
    if (this.#isTrial) this.#patience = Math.min(2 * this.#patience, TRIAL_FRAMES_MAX);
    this.#isTrial = false;
    const enough = SHARES.findIndex((share) => gapMs * (share / this.share) ** 2 <= SLOW_MS);
    return this.#to(enough === -1 ? SHARES.length - 1 : Math.max(enough, this.#step + 1));
  }

  #sharper(): boolean {
    // The trial before this one has passed.
    if (this.#isTrial) this.#patience = TRIAL_FRAMES;
    this.#isTrial = this.#step > 0;
    return this.#to(this.#step - 1);
  }

  #to(step: number): boolean {
    this.#isFirst = true;
    this.#slow = [];
    this.#inTime = 0;
    const last = this.#step;
    this.#step = Math.min(Math.max(step, 0), SHARES.length - 1);
    return this.#step !== last;
  }
}
