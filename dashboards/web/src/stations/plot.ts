// The chart itself: uPlot with our colours, local time and marks for unusable samples.
import UPlot from 'uplot';
import type { Channel, Sample } from '../api/wire';
import { SEVERITY, type Language, type Severity, type Theme } from '../states';
import { number, unitWords } from '../words/properties';
import { hourMinute, shortDate, ZONE } from '../words/time';
import { columns, gapAfterMs } from './history';

export interface Plot {
  /** Draws the last `spanMs` of the samples. */
  show(samples: readonly Sample[], thresholds: readonly Threshold[], now: number, spanMs: number): void;
  fit(): void;
  remove(): void;
}

export interface Threshold {
  threshold: number;
  severity: Severity;
}

interface Options {
  channel: Channel;
  language: Language;
  theme: Theme;
  /** What lies under the cursor; `at` is null when nothing does. */
  onread: (at: number | null, value: number, usable: boolean) => void;
}

const FONT = "12px 'Be Vietnam Pro', system-ui, sans-serif";
/** Below this many samples each one gets a dot, or single ones between gaps would be invisible. */
const DOTS_BELOW = 160;

const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Crosses for samples that may not be used. */
function drawCrosses(chart: UPlot): null {
  const { ctx } = chart;
  const ratio = devicePixelRatio;
  const reach = 3.5 * ratio;
  ctx.save();
  ctx.strokeStyle = colour('--warn-ink');
  ctx.lineWidth = 1.6 * ratio;
  ctx.beginPath();
  const values = chart.data[2] ?? [];
  chart.data[0].forEach((time, index) => {
    const value = values[index];
    if (value === null || value === undefined) return;
    const x = chart.valToPos(time, 'x', true);
    const y = chart.valToPos(value, 'y', true);
    if (x < chart.bbox.left || x > chart.bbox.left + chart.bbox.width) return;
    ctx.moveTo(x - reach, y - reach);
    ctx.lineTo(x + reach, y + reach);
    ctx.moveTo(x + reach, y - reach);
    ctx.lineTo(x - reach, y + reach);
  });
  ctx.stroke();
  ctx.restore();
  return null;
}

function drawThresholds(chart: UPlot, thresholds: readonly Threshold[], theme: Theme): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.setLineDash([6 * ratio, 4 * ratio]);
  ctx.lineWidth = 1.5 * ratio;
  for (const { threshold, severity } of thresholds) {
    const y = chart.valToPos(threshold, 'y', true);
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.strokeStyle = SEVERITY[severity].colour[theme];
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
  }
  ctx.restore();
}

/** Room around the values, so that a line neither hugs the edge nor a still value fills the height with its noise. */
function valueRange(low: number | null, high: number | null, thresholds: readonly Threshold[]): [number, number] {
  const all = thresholds.map(({ threshold }) => threshold);
  const min = Math.min(low ?? Infinity, ...all);
  const max = Math.max(high ?? -Infinity, ...all);
  if (!Number.isFinite(min) || !Number.isFinite(max)) return [0, 1];
  const pad = Math.max((max - min) * 0.08, Math.abs(max) * 0.005, 0.01);
  return [min >= 0 && min - pad < 0 ? 0 : min - pad, max + pad];
}

export function plot(parent: HTMLElement, { channel, language, theme, onread }: Options): Plot {
  let thresholds: readonly Threshold[] = [];
  const size = () => ({ width: parent.clientWidth, height: parent.clientHeight });
  const axis = { stroke: colour('--ink-3'), font: FONT, grid: { stroke: colour('--chart-grid'), width: 1 }, ticks: { show: false } };
  const suffix = unitWords(channel.unit, language);
  const chart = new UPlot(
    {
      ...size(),
      padding: [10, 8, 0, 0],
      tzDate: (seconds) => UPlot.tzDate(new Date(seconds * 1000), ZONE),
      legend: { show: false },
      cursor: { y: false, points: { size: 7 }, drag: { x: false, y: false } },
      scales: {
        x: { time: true },
        y: { range: (_, low, high) => valueRange(low, high, thresholds) },
      },
      axes: [
        {
          ...axis,
          size: 26,
          space: 62,
          // Midnight carries its date: the day before lies to its left.
          values: (_, times) => times.map((time) => {
            const text = hourMinute(time * 1000, language);
            return text === '00:00' ? shortDate(time * 1000, language) : text;
          }),
        },
        {
          ...axis,
          size: 52,
          space: 34,
          values: (_, values) => {
            const step = values.length > 1 ? (values[1] ?? 0) - (values[0] ?? 0) : 1;
            const digits = [0, 1, 2].find((count) => Math.abs(step * 10 ** count - Math.round(step * 10 ** count)) < 1e-6) ?? 3;
            return values.map((value) => new Intl.NumberFormat(language === 'vi' ? 'vi-VN' : 'en-GB', { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value));
          },
        },
      ],
      series: [
        {},
        {
          label: suffix,
          stroke: colour('--chart-line'),
          fill: colour('--chart-fill'),
          width: 1.6,
          points: { show: (self) => self.data[0].length < DOTS_BELOW, size: 4, fill: colour('--chart-line') },
        },
        { label: number(0, channel.property, language), paths: () => null, points: { show: drawCrosses as unknown as UPlot.Series.Points.Show } },
      ],
      hooks: {
        draw: [(self) => drawThresholds(self, thresholds, theme)],
        setCursor: [
          (self) => {
            const { idx } = self.cursor;
            const time = idx === null || idx === undefined ? undefined : self.data[0][idx];
            const good = idx === null || idx === undefined ? null : self.data[1]?.[idx];
            const bad = idx === null || idx === undefined ? null : self.data[2]?.[idx];
            const value = good ?? bad;
            if (time === undefined || value === null || value === undefined) onread(null, 0, true);
            else onread(time * 1000, value, good !== null && good !== undefined);
          },
        ],
      },
    },
    [[], [], []],
    parent,
  );
  return {
    show(samples, lines, now, spanMs) {
      thresholds = lines;
      chart.batch(() => {
        chart.setData(columns(samples, gapAfterMs(channel)), false);
        chart.setScale('x', { min: (now - spanMs) / 1000, max: now / 1000 });
      });
    },
    fit: () => chart.setSize(size()),
    remove: () => chart.destroy(),
  };
}
