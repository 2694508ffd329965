// A link says what is looked at, and leads back to it.
import { expect, test } from 'vitest';
import { communesQuestion, comparedPeriod, emptyView, everyOf, functionsOf, isAsked, question, readView, writeView, type View } from './view';

const NOW = Date.parse('2026-11-22T03:00:00Z');
const view = (part: Partial<View>): View => ({ ...emptyView(NOW), ...part });
const rain: Partial<View> = { channels: ['RG-01/rainfall'], period: { from: '2026-10-01', to: '2026-11-01' } };

test.each<Partial<View>>([
  rain,
  { ...rain, channels: ['RG-01/rainfall', 'AQ-01/pm2_5'], functions: ['mean', 'p95'], every: '1h', comparison: 'year', quality: 'all' },
  { ...rain, comparison: 'before' },
  { ...rain, comparison: 'own', compared: { from: '2024-10-01', to: '2024-11-01' } },
  { ...rain, functions: ['exceedance_hours'], above: 45.5 },
  { what: 'areas', property: 'pm2_5', area: '03388', drawn: ['03388', '03394'] },
  { what: 'areas', property: 'pm2_5', level: 'province' },
  { what: 'map', property: 'rainfall', functions: ['exceedance_hours'], above: 5, period: { from: '2026-10-01', to: '2026-11-01' } },
  { what: 'coverage', by: 'forest_type', every: '1q' },
])('the link of a view reads back as the view: %j', (part) => {
  const whole = view(part);
  expect(readView(writeView(whole), NOW + 5 * 86_400_000)).toEqual(whole);
});

test('a link reads like the question that it stands for', () => {
  expect(writeView(view(rain))).toBe('?channel=RG-01/rainfall&from=2026-10-01&to=2026-11-01');
});

test('nonsense in a link is as if it were not there', () => {
  const read = readView('?channel=nothing&from=2026-11-01&to=2026-10-01&every=7parsecs&fn=max,evil&above=x&compare=-3y&level=moon', NOW);
  expect(read).toEqual(view({ functions: ['max'] }));
  expect(isAsked(read)).toBe(false);
});

test('an instant in a link is its day', () => {
  expect(readView('?channel=A/b&from=2026-10-01T23:30:00Z&to=2026-11-01', NOW).period.from).toBe('2026-10-02');
});

test('each property is asked for what suits it', () => {
  expect(functionsOf(view(rain), 'rainfall')).toEqual(['sum']);
  expect(functionsOf(view(rain), 'pm2_5')).toEqual(['mean']);
  expect(functionsOf(view({ ...rain, functions: ['p95'] }), 'rainfall')).toEqual(['p95']);
  expect(functionsOf(view({ what: 'areas', property: 'pm2_5', functions: ['p95'] }), 'pm2_5')).toEqual(['mean']);
});

test('hours above a limit are asked for when there is a limit', () => {
  expect(functionsOf(view({ ...rain, functions: ['exceedance_hours'] }), 'rainfall')).toEqual(['sum']);
  const asked = question(view({ ...rain, functions: ['exceedance_hours'], above: 10 }), 'json');
  expect(asked).toContain('fn=exceedance_hours&above=10');
});

test('the question says everything that its answer depends on', () => {
  expect(question(view(rain), 'csv', ['mean'])).toBe(
    '/api/v1/history?channel=RG-01/rainfall&from=2026-10-01&to=2026-11-01&every=1d&fn=sum,mean&quality=good&tz=Asia/Ho_Chi_Minh&format=csv',
  );
  expect(question(view({ ...rain, comparison: 'before' }), 'json')).toContain('compare_from=2026-09-01&compare_to=2026-10-01');
  expect(question(view({ ...rain, comparison: 'year' }), 'json')).toContain('compare=-1y');
  expect(everyOf(view(rain))).toBe('1d');
});

test('areas are not compared: the server cannot', () => {
  expect(comparedPeriod(view({ what: 'areas', property: 'pm2_5', comparison: 'year' }))).toBeNull();
});

test('a map is asked for as one bucket of all channels, and its communes by what says something of several stations', () => {
  const map = view({ ...rain, what: 'map', property: 'rainfall' });
  expect(question(map, 'json')).toContain('/api/v1/history?channel=RG-01/rainfall&from=2026-10-01&to=2026-11-01&every=100y&fn=sum&');
  expect(communesQuestion(map)).toContain('/api/v1/history/areas?property=rainfall&level=commune&from=2026-10-01&to=2026-11-01&every=100y&fn=sum&');
  expect(communesQuestion({ ...map, functions: ['p95'] })).toBeNull();
  expect(functionsOf({ ...map, functions: ['mean', 'max'] }, 'rainfall')).toEqual(['mean']);
});
