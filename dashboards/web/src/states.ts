// The one place for the states that the page shows: their order, words, colours and shapes.
//
// Two things are told apart without colour vision. Freshness is how a station's body is drawn (filled, outlined,
// dashed, struck through, hatched) and it has brightness, no hue. Severity is a mark beside the body whose shape grows
// corners with the level; hues belong to severity alone (Decision 18/2021/QĐ-TTg names the five colours, not their
// values; the values are ours). A severity here is a technical threshold, never the official disaster risk level.

import type { Theme, Words } from './severities';

export * from './severities';

export const FRESHNESSES = ['live', 'late', 'stale', 'silent', 'maintenance'] as const;
export type Freshness = (typeof FRESHNESSES)[number];

export const ALERT_STATES = ['active', 'recovering', 'unknown', 'latched', 'cleared'] as const;
export type AlertState = (typeof ALERT_STATES)[number];

export const KINDS = ['traffic', 'air', 'weather', 'river', 'rain', 'forest', 'meter'] as const;
export type Kind = (typeof KINDS)[number];

/** How a station's body is drawn for a freshness. */
export type Body = 'filled' | 'outlined' | 'dashed' | 'struck' | 'hatched';

interface FreshnessLook {
  words: Words;
  meaning: Words;
  body: Body;
  colour: Readonly<Record<Theme, string>>;
}

export const FRESHNESS: Readonly<Record<Freshness, FreshnessLook>> = {
  live: {
    words: { vi: 'Trực tiếp', en: 'Live' },
    meaning: { vi: 'đúng nhịp gửi', en: 'reporting on time' },
    body: 'filled',
    colour: { dark: '#35c4a0', light: '#0b7a62' },
  },
  late: {
    words: { vi: 'Trễ', en: 'Late' },
    meaning: { vi: 'thiếu một lần gửi', en: 'one report missing' },
    body: 'outlined',
    colour: { dark: '#c5d3dc', light: '#33454f' },
  },
  stale: {
    words: { vi: 'Cũ', en: 'Stale' },
    meaning: { vi: 'thiếu nhiều lần gửi', en: 'several reports missing' },
    body: 'dashed',
    colour: { dark: '#a3b3be', light: '#4c5f6a' },
  },
  silent: {
    words: { vi: 'Mất tín hiệu', en: 'Silent' },
    meaning: { vi: 'không còn gửi', en: 'no longer reporting' },
    body: 'struck',
    colour: { dark: '#94a3ae', light: '#5d6c76' },
  },
  maintenance: {
    words: { vi: 'Bảo trì', en: 'Maintenance' },
    meaning: { vi: 'không dùng để xử lý', en: 'not to be acted upon' },
    body: 'hatched',
    colour: { dark: '#8fa0ab', light: '#566770' },
  },
};

interface AlertStateLook {
  words: Words;
  meaning: Words;
  /** Strokes on 16 x 16. */
  sign: string;
}

export const ALERT_STATE: Readonly<Record<AlertState, AlertStateLook>> = {
  active: {
    words: { vi: 'Đang diễn ra', en: 'Active' },
    meaning: { vi: 'điều kiện cảnh báo còn đúng', en: 'the condition holds' },
    sign: 'M3 13l5-10 5 10',
  },
  recovering: {
    words: { vi: 'Đang hồi phục', en: 'Recovering' },
    meaning: { vi: 'đã dưới ngưỡng tắt, đang chờ đủ thời gian', en: 'below the clear level, waiting for the clear time' },
    sign: 'M3 4l5 8 5-8',
  },
  unknown: {
    words: { vi: 'Không rõ', en: 'Unknown' },
    meaning: { vi: 'mất dữ liệu khi đang cảnh báo', en: 'the data stopped while it was active' },
    sign: 'M5.5 5.5a2.5 2.5 0 1 1 3.7 2.2c-.8.5-1.2 1-1.2 1.9M8 12.8v.1',
  },
  latched: {
    words: { vi: 'Chờ đóng', en: 'Latched' },
    meaning: { vi: 'điều kiện đã hết, chờ người đóng', en: 'the condition is over; a person has to close it' },
    sign: 'M5 7V5a3 3 0 0 1 6 0v2M4 7h8v6H4z',
  },
  cleared: {
    words: { vi: 'Đã kết thúc', en: 'Cleared' },
    meaning: { vi: 'không còn', en: 'over' },
    sign: 'M3 8.5l3.5 3.5L13 4.5',
  },
};

interface KindLook {
  words: Words;
  plural: Words;
  /** Outline of the body on 40 x 40, centred on 20,20. */
  shape: string;
  /** Pictogram on 24 x 24, drawn as strokes. */
  glyph: string;
  /** Where the pictogram's centre sits in the body: triangles and drops have their room low. */
  drop: number;
}

export const KIND: Readonly<Record<Kind, KindLook>> = {
  traffic: {
    words: { vi: 'Giao thông', en: 'Traffic' },
    plural: { vi: 'Giao thông', en: 'Traffic' },
    shape: 'M11 7.5h18a3.5 3.5 0 0 1 3.5 3.5v18a3.5 3.5 0 0 1-3.5 3.5H11A3.5 3.5 0 0 1 7.5 29V11A3.5 3.5 0 0 1 11 7.5z',
    glyph: 'M4 16.5v-4l2-1 2-4.5h8l2 4.5 2 1v4zM6.5 16.5V19M17.5 16.5V19M7 11.8h10',
    drop: 0,
  },
  air: {
    words: { vi: 'Không khí', en: 'Air quality' },
    plural: { vi: 'Không khí', en: 'Air quality' },
    shape: 'M20 6a14 14 0 1 0 0 28 14 14 0 0 0 0-28z',
    glyph: 'M3 9h10.5a2.5 2.5 0 1 0-2.4-3.2M3 13h15a2.8 2.8 0 1 1-2.7 3.6M3 17h7.5a2.2 2.2 0 1 1-2.1 2.8',
    drop: 0,
  },
  weather: {
    words: { vi: 'Thời tiết', en: 'Weather' },
    plural: { vi: 'Thời tiết', en: 'Weather' },
    shape: 'M20 5l13 7.5v15L20 35 7 27.5v-15z',
    glyph: 'M10 14.5V5.5a2.2 2.2 0 1 1 4.4 0v9a4.3 4.3 0 1 1-4.4 0zM12.2 10v8',
    drop: 0,
  },
  river: {
    words: { vi: 'Sông', en: 'River' },
    plural: { vi: 'Sông', en: 'Rivers' },
    shape: 'M7 8h26v12.5c0 6.5-5.5 11-13 14.5C12.5 31.5 7 27 7 20.5z',
    glyph: 'M3 8c3-3 6-3 9 0s6 3 9 0M3 13c3-3 6-3 9 0s6 3 9 0M6.5 18c2-2 3.7-2 5.5 0s3.5 2 5.5 0',
    drop: -1.5,
  },
  rain: {
    words: { vi: 'Lượng mưa', en: 'Rain' },
    plural: { vi: 'Đo mưa', en: 'Rain gauges' },
    shape: 'M20 3.5c4 6 11.5 11.5 11.5 19a11.5 11.5 0 0 1-23 0c0-7.5 7.5-13 11.5-19z',
    glyph: 'M7 5l-2.5 6M13.5 5 9 17M20 5l-5.5 14M18.5 15.5 17 19.5',
    drop: 2.5,
  },
  forest: {
    words: { vi: 'Rừng', en: 'Forest' },
    plural: { vi: 'Rừng', en: 'Forest' },
    shape: 'M20 4.5a3 3 0 0 1 2.6 1.5l12 22.5a3 3 0 0 1-2.6 4.5H8a3 3 0 0 1-2.6-4.5L17.4 6A3 3 0 0 1 20 4.5z',
    glyph: 'M12 3l4.5 6.5h-9zM12 8l6 8.5H6zM12 16.5V21',
    drop: 4,
  },
  meter: {
    words: { vi: 'Đồng hồ đo', en: 'Meter' },
    plural: { vi: 'Đồng hồ đo', en: 'Meters' },
    shape: 'M20 3.5 36.5 20 20 36.5 3.5 20z',
    glyph: 'M4.5 17a8.5 8.5 0 1 1 15 0M12 14l4-5M12 14v.1',
    drop: 0,
  },
};

/** The words of `Quality::WORDS` in src/model/quality.rs, the worst first, and one for a word that this page does not know. */
export const QUALITIES = [
  'bad', 'fault', 'maintenance', 'calibrating', 'spike', 'stuck', 'rate', 'range', 'estimated', 'clock_skew', 'edited', 'received_time', 'good', 'doubtful',
] as const;
export type Quality = (typeof QUALITIES)[number];

export const QUALITY: Readonly<Record<Quality, { words: Words; sign: string }>> = {
  good: { words: { vi: 'Tốt', en: 'Good' }, sign: '' },
  bad: { words: { vi: 'Sai, đã xác minh', en: 'Wrong, as verified' }, sign: '×' },
  fault: { words: { vi: 'Thiết bị lỗi', en: 'Device fault' }, sign: '×' },
  maintenance: { words: { vi: 'Đang bảo trì', en: 'Maintenance' }, sign: '~' },
  calibrating: { words: { vi: 'Hiệu chuẩn', en: 'Calibrating' }, sign: '~' },
  spike: { words: { vi: 'Đột biến đơn lẻ', en: 'Spike' }, sign: '?' },
  stuck: { words: { vi: 'Giá trị đứng yên', en: 'Stuck' }, sign: '?' },
  rate: { words: { vi: 'Thay đổi quá nhanh', en: 'Sudden change' }, sign: '?' },
  range: { words: { vi: 'Ngoài khoảng thường gặp', en: 'Unusual value' }, sign: '?' },
  estimated: { words: { vi: 'Ước tính', en: 'Estimated' }, sign: '≈' },
  clock_skew: { words: { vi: 'Đồng hồ thiết bị chạy nhanh', en: 'Device clock ahead' }, sign: '' },
  edited: { words: { vi: 'Đã hiệu chỉnh', en: 'Edited' }, sign: '✎' },
  received_time: { words: { vi: 'Giờ nhận', en: 'Time of receipt' }, sign: '' },
  doubtful: { words: { vi: 'Đáng ngờ', en: 'Doubtful' }, sign: '?' },
};

/** Whether a value may be counted: nothing is said against it itself, as `Quality::is_good` says. */
export function isUsable(quality: Quality): boolean {
  return quality === 'good' || quality === 'edited' || quality === 'clock_skew' || quality === 'received_time';
}
