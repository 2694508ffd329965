// What the rules say about a channel.
import { expect, test } from 'vitest';
import { readRule } from '../api/rules';
import { ends, lines, sayings, type Line } from './thresholds';
import { converted } from './units';

const rule = (name: string, from: object) => readRule({ name, enabled: true, in_force: true, rule: from });
const rules = [
  rule('heat', { kind: 'weather', property: 'air_temperature', unit: 'Cel', levels: [{ above: 35, clear: 34, severity: 'low' }, { above: 39, severity: 'high' }] }),
  rule('forest-heat', { kind: 'forest', property: 'air_temperature', levels: [{ above: 50, severity: 'high' }] }),
  rule('cold', { kind: ['weather'], except: ['WX-09'], property: 'air_temperature', of: { fn: 'mean', over: '24h' }, levels: [{ below: 13, severity: 'medium' }] }),
  rule('dry', { severity: 'medium', all: [{ property: 'air_temperature', above: 30 }, { property: 'relative_humidity', below: 30 }] }),
  rule('many', { property: 'air_temperature', above: 30, count: { per: 'province' }, levels: [{ above: 2, severity: 'high' }] }),
  rule('wind', { property: 'wind_speed', unit: 'km/h', levels: [{ above: 36, severity: 'low' }] }),
  rule('silent', { property: 'air_temperature', absence: { after: '1h', severity: 'low' } }),
].filter((found) => found !== null);
const station = { id: 'WX-01', kind: 'weather', area: null } as const;

test('a station hears of the rules of its kind, and of those that do not leave it out', () => {
  expect(sayings(rules, station, 'air_temperature', 'Cel').map(({ rule: { name } }) => name)).toEqual(['heat', 'cold', 'dry', 'silent']);
  expect(sayings(rules, { ...station, id: 'WX-09' }, 'air_temperature', 'Cel').map(({ rule: { name } }) => name)).toEqual(['heat', 'dry', 'silent']);
});

test('only what one sample is compared with is drawn, in the unit of the channel', () => {
  expect(lines(sayings(rules, station, 'air_temperature', 'Cel'))).toEqual([
    { threshold: 35, severity: 'low', side: 'above', rule: 'heat' },
    { threshold: 39, severity: 'high', side: 'above', rule: 'heat' },
  ]);
  expect(lines(sayings(rules, station, 'wind_speed', 'm/s'))).toMatchObject([{ threshold: 10 }]);
  expect(lines(sayings(rules, station, 'wind_speed', 'furlong'))).toEqual([]);
});

test('units', () => {
  expect(converted(1000, 'm', 'km')).toBe(1);
  expect(converted(1, 'm', 's')).toBeNull();
  expect(converted(5, 'odd', 'odd')).toBe(5);
});

test('a threshold that is near is in the picture, one that is far is not', () => {
  const line = (threshold: number): Line => ({ threshold, severity: 'low', side: 'above', rule: 'r' });
  expect(ends(10, 20, [line(25), line(300)], [])).toEqual([10, 25]);
  expect(ends(10, 20, [line(300)], [])).toEqual([10, 20]);
  expect(ends(10, 20, [line(4)], [60])).toEqual([4, 60]);
});
