// Reading JSON without trusting its shape.
import type { Words } from '../states';

export type Json = Record<string, unknown>;

export const object = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});
export const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);
export const finite = (value: unknown): number | null => (typeof value === 'number' && Number.isFinite(value) ? value : null);
export const list = (value: unknown): unknown[] => (Array.isArray(value) ? value : []);

export function oneOf<T extends string>(value: unknown, allowed: readonly T[]): T | null {
  return allowed.find((candidate) => candidate === value) ?? null;
}

export function instant(value: unknown): number | null {
  if (typeof value !== 'string') return null;
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : at;
}

export function words(value: unknown): Partial<Words> {
  if (typeof value === 'string') return { vi: value };
  const { vi, en } = object(value);
  const found: { vi?: string; en?: string } = {};
  if (typeof vi === 'string') found.vi = vi;
  if (typeof en === 'string') found.en = en;
  return found;
}
