// Coverage as the server says it: what is not known stays unknown, and files carry what people wrote as text.
import { expect, test } from 'vitest';
import { yearsBack } from './calendar';
import { groupsCsv, groupsOf, periodsCsv, readCoverage, readPeriods } from './coverage';
import { coverageEvery, coverageQuestions, emptyView, readView, writeView, type View } from './view';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const view = (part: Partial<View>): View => ({ ...emptyView(NOW), what: 'coverage', ...part });

const said = {
  at: '2026-11-22T10:00:00+07:00', forest_ha: 100, watched_ha: 71.3, share: 0.713, installed_share: 0.9, stations: { installed: 9, working: 7 }, units: 4, invented: true, approximate: false,
  groups: [
    { by: 'owner', id: null, name: null, forest_ha: 50, watched_ha: 0, share: 0, units: 1 },
    { by: 'owner', id: 'Ban A', name: { vi: 'Ban "A", =1+1', en: 'A' }, forest_ha: 30, watched_ha: 20, share: 0.667, units: 1 },
    { by: 'owner', id: '=cmd', name: {}, forest_ha: 20, watched_ha: 1, share: 0.05, units: 2 },
    { by: 'moon', id: 'x' },
  ],
  targets: [{ year: 2025, share: 0.7, reached: true }, { year: 2030, share: 1, reached: null }],
  services: { kinds_min: 2, communes: 38, served: 10, share: 0.263, targets: [{ year: 2025, share: 0.4, reached: false }], of_communes: [{ id: '1', name: { vi: 'Một' }, kinds: ['air', 'rain', 'ghost'], served: true }] },
};

test('coverage is read with its targets and services', () => {
  const read = readCoverage(said);
  expect([read.share, read.stations.working, read.invented, read.approximate]).toEqual([0.713, 7, true, false]);
  expect(read.targets.map(({ reached }) => reached)).toEqual([true, null]);
  expect(read.services.of[0]?.kinds).toEqual(['air', 'rain']);
  expect(readCoverage(null).share).toBeNull();
});

test('parts come where most is missing first, what nobody has named last', () => {
  expect(groupsOf(readCoverage(said), 'owner').map(({ id }) => id)).toEqual(['=cmd', 'Ban A', null]);
});

test('a period of which samples were deleted is unknown, not zero', () => {
  const periods = readPeriods({ every: '1y', completeness_percent: 75, periods: [{ from: '2024-01-01T00:00:00+07:00', to: '2025-01-01T00:00:00+07:00', partial: false, stations: null, forest_ha: 100, watched_ha: null, share: null, target: null, unknown: 'deleted' }], kept_since: '2025-01-01T00:00:00+07:00' });
  expect(periods.periods[0]).toMatchObject({ share: null, stations: null, watchedHa: null, unknown: 'deleted' });
  expect(periodsCsv(periods, () => 'T')).toBe('from,to,partial,stations,forest_ha,watched_ha,share,target,unknown\r\nT,T,false,,100,,,,deleted\r\n');
});

test('names in a file are text and nothing that is computed', () => {
  expect(groupsCsv(groupsOf(readCoverage(said), 'owner')).split('\r\n').slice(1, 3)).toEqual(["owner,'=cmd,,,20,1,0.05,2", 'owner,Ban A,"Ban ""A"", =1+1",A,30,20,0.667,1']);
});

test('years of the calendar, months where they are few', () => {
  expect(yearsBack(4, NOW)).toEqual({ from: '2022-01-01', to: '2026-11-23' });
  const years = view({ period: yearsBack(4, NOW), by: 'owner' });
  expect(readView(writeView(years), NOW)).toEqual(years);
  expect(coverageEvery(years)).toBe('1y');
  expect(coverageEvery(view({ period: yearsBack(0, NOW) }))).toBe('1mo');
  expect(coverageEvery(view({ every: '1h' }))).toBe('1mo');
  expect(coverageQuestions(years, NOW)).toEqual({ at: '/api/v1/coverage', history: '/api/v1/coverage/history?every=1y&from=2022-01-01&to=2026-11-23' });
  expect(coverageQuestions(view({ period: { from: '2024-01-01', to: '2025-01-01' } }), NOW).at).toBe('/api/v1/coverage?at=2025-01-01');
});
