// The roster by weeks of Viet Nam's calendar: which shift stands where in the seven days.
import { instant, object, text } from '../../api/json';
import { DAY_MS, OFFSET_MS } from '../../words/time';

export interface Shift {
  id: string;
  role: string;
  person: string;
  area: string | null;
  from: number;
  to: number;
  note: string;
}

export interface ShiftDraft {
  role: string;
  person: string;
  area: string;
  /** As an input of date and time says it. */
  from: string;
  to: string;
  note: string;
}

export function readShift(value: unknown): Shift | null {
  const row = object(value);
  const [id, from, to] = [text(row.id), instant(row.begins_at), instant(row.ends_at)];
  if (id === null || from === null || to === null) return null;
  return { id, from, to, role: text(row.role) ?? '', person: text(row.person) ?? '', area: text(row.area), note: text(row.note) ?? '' };
}

/** Midnight of the Monday at or before a moment. */
export function mondayOf(at: number): number {
  const days = Math.floor((at + OFFSET_MS) / DAY_MS);
  // 1970-01-01 was a Thursday.
  return (days - ((days + 3) % 7)) * DAY_MS - OFFSET_MS;
}

export interface Piece {
  shift: Shift;
  /** Of the seven days, 0 to 7. */
  begin: number;
  end: number;
  /** Goes on beyond the week. */
  isCutBefore: boolean;
  isCutAfter: boolean;
  lane: number;
}

/** The shifts of a week, one beside the other where they overlap; by duty. */
export function pieces(shifts: readonly Shift[], monday: number): Array<[string, Piece[], number]> {
  const sunday = monday + 7 * DAY_MS;
  const roles = new Map<string, Shift[]>();
  for (const shift of shifts) {
    if (shift.to <= monday || shift.from >= sunday) continue;
    roles.set(shift.role, [...(roles.get(shift.role) ?? []), shift]);
  }
  return [...roles].sort(([a], [b]) => a.localeCompare(b)).map(([role, own]) => {
    const ends: number[] = [];
    const found = [...own].sort((a, b) => a.from - b.from || a.to - b.to).map((shift): Piece => {
      const free = ends.findIndex((end) => end <= shift.from);
      const lane = free === -1 ? ends.length : free;
      ends[lane] = shift.to;
      return {
        shift,
        begin: Math.max(0, (shift.from - monday) / DAY_MS),
        end: Math.min(7, (shift.to - monday) / DAY_MS),
        isCutBefore: shift.from < monday,
        isCutAfter: shift.to > sunday,
        lane,
      };
    });
    return [role, found, ends.length];
  });
}
