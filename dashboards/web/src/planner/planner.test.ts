// Finding channels, asking for less, files and words.
import { describe, expect, test } from 'vitest';
import { readIndices } from '../api/indices';
import { areasOf, readStation } from '../api/wire';
import { narrower } from './advice';
import { readAnswer } from './answer';
import { levelOf, listed, seek } from './catalogue';
import { fileStem, manifest } from './download';
import { FUNCTIONS } from './functions';
import { drawnSeries, panels } from './panels';
import { emptyView, type View } from './view';
import { en } from './words/en';
import { bucketWords, bytesWords, dayWords, ends, percent, resultQuantity } from './words/times';
import { vi } from './words/vi';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const view = (part: Partial<View>): View => ({ ...emptyView(NOW), ...part });

const station = (id: string, name: string, properties: string[], observed = true) => {
  const read = readStation({
    type: 'Feature', id, geometry: { type: 'Point', coordinates: [103, 22] },
    properties: { kind: 'rain', name: { vi: name, en: name }, area: '03388', area_name: { vi: 'Tả Lèng', en: 'Ta Leng' }, channels: properties.map((property) => ({ property, unit: 'mm', observed_at: observed ? '2026-11-22T00:00:00Z' : null })) },
  });
  if (!read) throw new Error('no station');
  return read;
};
const indices = readIndices({ indices: [{ id: 'rain_24h', title: { vi: 'Lượng mưa 24 giờ', en: 'Rain of 24 h' }, source: 's', confirmed: false }, { title: 7 }] });

describe('channels', () => {
  const all = listed([station('RG-02', 'Đo mưa Đèo Ô Quý Hồ', ['battery_voltage', 'rainfall', 'rain_24h']), station('RG-01', 'Cũ', ['rainfall'], false)], indices);

  test('are found without diacritics, by station, commune and property', () => {
    const names = (query: string, isIndex = false) => seek(all, indices, { query, property: '', isIndex }).map(({ name }) => name);
    expect(names('o quy ho mua')).toContain('RG-02/rainfall');
    expect(names('ta leng')).toHaveLength(3);
    expect(names('rainfall')).toEqual(['RG-02/rainfall', 'RG-01/rainfall']);
    expect(names('24 gio', true)).toEqual(['RG-02/rain_24h']);
    expect(names('khong co')).toEqual([]);
  });

  test('that speak for their station come first, those without samples last', () => {
    expect(seek(all, indices, { query: '', property: '', isIndex: false }).map(({ name }) => name)).toEqual(['RG-02/rainfall', 'RG-02/battery_voltage', 'RG-01/rainfall']);
    expect(areasOf([station('A', 'a', [])], 'vi')).toEqual([{ id: '03388', name: { vi: 'Tả Lèng', en: 'Ta Leng' } }]);
  });
});

test('an index says what its values mean, a count of them nothing', () => {
  const [aqi] = readIndices({ indices: [{ id: 'vn_aqi', title: {}, scale: [{ to: 50, title: { vi: 'Tốt' }, colour: '#00e400' }, { to: null, title: { vi: 'Xấu' }, colour: 'red; x' }] }] });
  if (!aqi) throw new Error('no index');
  expect([50, 51].map((value) => levelOf([aqi], 'vn_aqi', 'max', value)?.title.vi)).toEqual(['Tốt', 'Xấu']);
  expect(levelOf([aqi], 'vn_aqi', 'count', 3)).toBeNull();
  expect(aqi.scale[1]?.colour).toBe('#808080');
});

test('an end of a class of cbi is in the class above', () => {
  const cbi = readIndices({ indices: [{ id: 'cbi', scale: [50, 75, 90, null].map((to, place) => ({ to, title: { en: `class ${place}` }, colour: '#123456' })) }] });
  expect([49.9, 50, 75, 90].map((value) => levelOf(cbi, 'cbi', 'max', value)?.title.en)).toEqual(['class 0', 'class 1', 'class 2', 'class 3']);
});

test('of areas those are drawn that were chosen, otherwise the greatest that can be relied on', () => {
  const bucket = (sum: number | null, completeness: number) => ({ time: '2026-10-01T00:00:00+07:00', end: '2026-10-02T00:00:00+07:00', sum, count: 1, expected: 10, completeness, stations: 1, stations_expected: 1 });
  const area = (id: string, sum: number | null, completeness: number) => ({ area: id, name: { vi: id }, unit: 'mm', tier: 'day', buckets: [bucket(sum, completeness)] });
  const answer = readAnswer({ every: '1d', property: 'rainfall', functions: ['sum'], areas: [area('none', null, 0), area('thin', 90, 0.2), area('low', 5, 1), area('high', 30, 0.9)] });
  const rain = view({ what: 'areas', property: 'rainfall' });
  expect(drawnSeries(rain, answer).map(({ key }) => key)).toEqual(['high', 'low', 'thin']);
  expect(drawnSeries({ ...rain, drawn: ['none', 'low'] }, answer).map(({ key }) => key)).toEqual(['none', 'low']);
  expect(panels({ ...rain, functions: ['sum', 'max'] }, answer).map(({ fn, series }) => [fn, series.length])).toEqual([['sum', 3], ['max', 3]]);
});

test('whoever asks too much is shown ways that help', () => {
  const ways = narrower(view({ channels: ['A/b', 'C/d'], functions: ['p95', 'mean'], every: '1m', period: { from: '2020-01-01', to: '2026-01-01' } }));
  expect(ways.map(({ kind }) => kind)).toEqual(['plain', 'longer', 'shorter', 'fewer']);
  expect(ways[1]?.part).toEqual({ every: '1d' });
  expect(ways[2]?.part).toEqual({ period: { from: '2025-12-31', to: '2026-01-01' } });
  expect(narrower(view({ channels: ['A/b'], every: '1d', period: { from: '2026-01-01', to: '2026-01-02' } }))).toEqual([]);
});

test('a file says in its name what is inside, and its manifest what it was made from', () => {
  const rain = view({ channels: ['RG-01/rainfall', 'RG-02/rainfall'], period: { from: '2026-10-01', to: '2026-11-01' } });
  expect(fileStem(rain)).toBe('RG-01_rainfall_and_1_more_2026-10-01_2026-11-01_1d');
  const told = JSON.parse(manifest({ view: rain, answer: null }, { query: '/q', format: 'csv', rows: 62, bytes: 10, sha256: 'ab', madeAt: 'now' })) as object;
  expect(told).toMatchObject({
    query: '/q', format: 'csv', every: '1d', tz: 'Asia/Ho_Chi_Minh', from: '2026-10-01T00:00:00+07:00', to: '2026-11-01T00:00:00+07:00',
    functions: ['sum'], quality: 'good', channels: [{ channel: 'RG-01/rainfall' }, { channel: 'RG-02/rainfall' }], rows: 62, bytes: 10, sha256: 'ab',
  });
});

test('what is not whole never reads 100 %', () => {
  expect([1, 0.9999, 0.756, 0.0141, 0, null].map((share) => percent(share, 'vi'))).toEqual(['100\u00a0%', '99,9\u00a0%', '75\u00a0%', '1,4\u00a0%', '0\u00a0%', '–']);
});

test('buckets and amounts in words', () => {
  const at = Date.parse('2026-10-01T00:00:00+07:00');
  expect(['1y', '1q', '1mo', '1w', '1d', '1h'].map((every) => bucketWords(at, every, 'vi'))).toEqual(['2026', 'Quý IV/2026', '10/2026', '01/10/2026', '01/10/2026', '01/10/2026 00:00']);
  expect(ends({ from: '2026-10-01', to: '2026-11-01' })).toEqual(['01/10/2026', '31/10/2026']);
  expect(dayWords('2026-01-02')).toBe('02/01/2026');
  expect(resultQuantity(12.345, 'sum', 'rainfall', 'mm', 'vi')).toBe('12,3\u00a0mm');
  expect(resultQuantity(3, 'exceedance_hours', 'pm2_5', 'ug/m3', 'en')).toBe('3.0\u00a0h');
  expect(resultQuantity(288, 'count', 'rainfall', 'mm', 'en')).toBe('288');
  expect(bytesWords(3_140, 'vi')).toBe('3,1\u00a0kB');
});

describe('both languages', () => {
  const keys = (value: unknown, path = ''): string[] =>
    typeof value === 'object' && value !== null ? Object.entries(value).flatMap(([key, inner]) => keys(inner, `${path}.${key}`)) : [`${path}:${typeof value}`];

  test('say the same things', () => {
    expect(keys(en)).toEqual(keys(vi));
  });

  test('leave nothing empty', () => {
    for (const messages of [vi, en]) expect(JSON.stringify(messages)).not.toMatch(/:""/);
  });

  test('know every function', () => {
    for (const messages of [vi, en]) expect(Object.keys(messages.fn).sort()).toEqual([...FUNCTIONS].sort());
  });
});
