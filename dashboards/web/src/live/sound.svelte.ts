// Sound for new critical alerts: off until somebody allows it, and then said when the browser blocks it all the same.
// Two tones, made here: no file is fetched.
import { isCritical } from '../alerts/order';
import { remember, remembered } from '../shell/remembered';
import type { News } from './picture.svelte';

/** Hertz, and when each begins, in seconds: up for what is worse than before. */
const TONES = [
  { hertz: 660, at: 0 },
  { hertz: 880, at: 0.22 },
  { hertz: 660, at: 0.6 },
  { hertz: 880, at: 0.82 },
] as const;
const LENGTH_S = 0.2;
const LOUDNESS = 0.22;
/** Several alerts of one moment are one sound. */
const PAUSE_MS = 3_000;

class Sound {
  wanted = $state(remembered('sound', ['off', 'on']) === 'on');
  /** Whether the browser lets the page be heard. */
  allowed = $state(false);
  /** How often it was heard, for those who cannot hear it. */
  played = $state(0);
  #context: AudioContext | null = null;
  #lastAt = 0;
  #known = new Set<string>();

  get state(): 'on' | 'off' | 'blocked' {
    if (!this.wanted) return 'off';
    return this.allowed ? 'on' : 'blocked';
  }

  /** By a person's hand: browsers allow sound only then. */
  async toggle(): Promise<void> {
    const on = this.state !== 'on';
    this.wanted = on;
    remember('sound', on ? 'on' : 'off');
    if (!on) {
      await this.#context?.suspend();
      this.allowed = false;
      return;
    }
    await this.unlock();
    if (this.allowed) this.#play();
  }

  /** At any touch of the page, for a choice that was remembered. */
  async unlock(): Promise<void> {
    if (!this.wanted || this.allowed) return;
    try {
      this.#context ??= new AudioContext();
      this.#context.onstatechange = () => (this.allowed = this.wanted && this.#context?.state === 'running');
      await this.#context.resume();
      this.allowed = this.#context.state === 'running';
    } catch {
      // No sound device: the switch says that nothing will be heard.
      this.allowed = false;
    }
  }

  /** Tells of what is new, worse, critical, and not quiet. */
  hear(news: readonly News[]): void {
    let urgent = false;
    for (const { alert, what, at } of news) {
      const key = `${alert.id} ${at}`;
      if (this.#known.has(key)) continue;
      this.#known.add(key);
      urgent ||= what !== 'cleared' && isCritical(alert) && !alert.handling.quiet;
    }
    const present = new Set(news.map(({ alert, at }) => `${alert.id} ${at}`));
    for (const key of this.#known) if (!present.has(key)) this.#known.delete(key);
    if (urgent && this.state === 'on' && Date.now() - this.#lastAt > PAUSE_MS) this.#play();
  }

  #play(): void {
    const context = this.#context;
    if (!context || context.state !== 'running') return;
    this.#lastAt = Date.now();
    this.played += 1;
    const start = context.currentTime + 0.02;
    for (const { hertz, at } of TONES) {
      const tone = context.createOscillator();
      const loudness = context.createGain();
      tone.frequency.value = hertz;
      // Without a ramp the ends click.
      loudness.gain.setValueAtTime(0, start + at);
      loudness.gain.linearRampToValueAtTime(LOUDNESS, start + at + 0.02);
      loudness.gain.linearRampToValueAtTime(0, start + at + LENGTH_S);
      tone.connect(loudness).connect(context.destination);
      tone.start(start + at);
      tone.stop(start + at + LENGTH_S);
    }
  }
}

export const sound = new Sound();
