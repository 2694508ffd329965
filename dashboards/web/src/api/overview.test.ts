// Reading the server's counts.
import { expect, test } from 'vitest';
import { readOverview } from './overview';

test('counts, whole and with pieces missing', () => {
  const read = readOverview({
    at: '2026-11-21T10:15:00+07:00', revision: 1_795_387_599_708_583, stations: 100_000, chosen: 7,
    freshness: { live: 99_000, late: 0, stale: 0, silent: 1_000, maintenance: 0 }, kinds: { meter: 60_000, air: 40_000, tram: 1 },
    areas: [{ id: '03388', name: { vi: 'Đoàn Kết', en: 'Doan Ket' }, stations: 3 }],
  });
  expect(read).toMatchObject({ at: Date.parse('2026-11-21T03:15:00Z'), revision: 1_795_387_599_708_583, stations: 100_000, chosen: 7 });
  expect(read?.freshness).toEqual({ live: 99_000, late: 0, stale: 0, silent: 1_000, maintenance: 0 });
  expect([...(read?.kinds ?? [])]).toEqual([['air', 40_000], ['meter', 60_000]]);
  expect(read?.areas).toEqual([{ area: '03388', areaName: { vi: 'Đoàn Kết', en: 'Doan Ket' } }]);
  expect(readOverview({ at: '2026-11-21T10:15:00+07:00', stations: 3 })).toMatchObject({ revision: 0, chosen: 0, areas: [] });
  for (const other of [null, [], { stations: 3 }, { at: '2026-11-21T10:15:00+07:00' }]) expect(readOverview(other)).toBeNull();
});
