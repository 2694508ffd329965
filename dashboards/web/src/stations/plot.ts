// The chart itself: uPlot with our colours, local time and marks for unusable samples.
import UPlot from 'uplot';
import type { Channel } from '../api/wire';
import { ends, type Line } from '../rules/thresholds';
import { SEVERITY, type Language, type Theme } from '../states';
import { decimals, number, unitWords } from '../words/properties';
import { hourMinute, shortDate, ZONE } from '../words/time';
import type { Columns, Gap } from './history';

export interface Scene {
  columns: Columns;
  gaps: readonly Gap[];
  lines: readonly Line[];
  /** Thresholds that must be in the picture: those of open alerts. */
  always: readonly number[];
  /** Where the picture ends, and how long it is. */
  now: number;
  spanMs: number;
  /** The past moment that is looked at. */
  mark: number | null;
}

export interface Plot {
  show(scene: Scene): void;
  fit(): void;
  remove(): void;
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

/** Times without usable values, behind everything. */
function drawGaps(chart: UPlot, gaps: readonly Gap[]): void {
  const { ctx, bbox } = chart;
  const [left, right] = [bbox.left, bbox.left + bbox.width];
  ctx.save();
  ctx.fillStyle = colour('--chart-gap');
  for (const [from, to] of gaps) {
    const [a, b] = [from, to].map((at) => Math.min(right, Math.max(left, chart.valToPos(at / 1000, 'x', true))));
    if (a !== undefined && b !== undefined && b - a >= 1) ctx.fillRect(a, bbox.top, b - a, bbox.height);
  }
  ctx.restore();
}

/** Each line with its severity's word at its end, where there is room: hue alone says nothing. */
function drawThresholds(chart: UPlot, lines: readonly Line[], language: Language, theme: Theme): void {
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  const right = bbox.left + bbox.width;
  const written: number[] = [];
  ctx.save();
  ctx.lineWidth = 1.5 * ratio;
  ctx.font = `${11 * ratio}px 'Be Vietnam Pro', system-ui, sans-serif`;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'bottom';
  for (const { threshold, severity } of lines) {
    const y = chart.valToPos(threshold, 'y', true);
    if (y < bbox.top - 1 || y > bbox.top + bbox.height + 1) continue;
    ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.strokeStyle = SEVERITY[severity].colour[theme];
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(right, y);
    ctx.stroke();
    if (written.some((other) => Math.abs(other - y) < 13 * ratio)) continue;
    written.push(y);
    const text = SEVERITY[severity].words[language];
    const top = y - 14 * ratio < bbox.top ? y + 14 * ratio : y - ratio;
    ctx.fillStyle = colour('--bg-1');
    ctx.globalAlpha = 0.75;
    const width = ctx.measureText(text).width;
    ctx.fillRect(right - width - 4 * ratio, top - 12 * ratio, width + 4 * ratio, 13 * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour('--ink-2');
    ctx.fillText(text, right - 2 * ratio, top);
  }
  ctx.restore();
}

/** The past moment that is looked at; what follows it lies under a veil. */
function drawMark(chart: UPlot, mark: number | null): void {
  if (mark === null) return;
  const { ctx, bbox } = chart;
  const ratio = devicePixelRatio;
  const x = chart.valToPos(mark / 1000, 'x', true);
  const right = bbox.left + bbox.width;
  if (x < bbox.left || x > right) return;
  ctx.save();
  ctx.globalAlpha = 0.18;
  ctx.fillStyle = colour('--past');
  ctx.fillRect(x, bbox.top, right - x, bbox.height);
  ctx.globalAlpha = 1;
  ctx.strokeStyle = colour('--past');
  ctx.lineWidth = 2 * ratio;
  ctx.beginPath();
  ctx.moveTo(x, bbox.top);
  ctx.lineTo(x, bbox.top + bbox.height);
  ctx.stroke();
  ctx.restore();
}

/** Room around the values, so that a line neither hugs the edge nor a still value fills the height with its noise. */
function valueRange(low: number | null, high: number | null, { lines, always }: Pick<Scene, 'lines' | 'always'>): [number, number] {
  const [least, most] = [low ?? Math.min(...always), high ?? Math.max(...always)];
  if (!Number.isFinite(least) || !Number.isFinite(most)) return [0, 1];
  const [min, max] = ends(least, most, lines, always);
  const pad = Math.max((max - min) * 0.08, Math.abs(max) * 0.005, 0.01);
  return [min >= 0 && min - pad < 0 ? 0 : min - pad, max + pad];
}

export function plot(parent: HTMLElement, { channel, language, theme, onread }: Options): Plot {
  let scene: Pick<Scene, 'gaps' | 'lines' | 'always' | 'mark'> = { gaps: [], lines: [], always: [], mark: null };
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
        y: { range: (_, low, high) => valueRange(low, high, scene) },
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
            return values.map((value) => decimals(language, digits, digits).format(value));
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
          points: { show: (self) => self.data[0].length < DOTS_BELOW && self.data[3]?.[0] === null, size: 4, fill: colour('--chart-line') },
        },
        { label: number(0, channel.property, language), paths: () => null, points: { show: drawCrosses as unknown as UPlot.Series.Points.Show } },
        { label: 'min', width: 0, points: { show: false } },
        { label: 'max', width: 0, points: { show: false } },
      ],
      bands: [{ series: [4, 3], fill: colour('--chart-fill') }],
      hooks: {
        drawClear: [(self) => drawGaps(self, scene.gaps)],
        draw: [(self) => drawThresholds(self, scene.lines, language, theme), (self) => drawMark(self, scene.mark)],
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
    [[], [], [], [], []],
    parent,
  );
  return {
    show({ columns, now, spanMs, ...rest }) {
      scene = rest;
      chart.batch(() => {
        chart.setData(columns, false);
        chart.setScale('x', { min: (now - spanMs) / 1000, max: now / 1000 });
      });
    },
    fit: () => chart.setSize(size()),
    remove: () => chart.destroy(),
  };
}
