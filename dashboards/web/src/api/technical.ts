// What a technician asks: is every part ready, what came in, what was refused.
import { finite, instant, list, object, text } from './json';

export interface Check {
  part: string;
  ready: boolean;
  detail: string;
}

export interface Tally {
  source: string;
  messages: number;
  received: number;
  stored: number;
  duplicate: number;
  rejected: number;
  pending: number;
  reasons: ReadonlyArray<{ reason: string; count: number }>;
}

export interface Ledger {
  balanced: boolean;
  missing: number;
  sources: readonly Tally[];
  total: Tally;
  devices: ReadonlyArray<{ source: string; device: string; gaps: number; missing: number }>;
}

export interface DeadLetter {
  id: string;
  receivedAt: number | null;
  source: string;
  topic: string;
  bytes: number;
  preview: string | null;
  rejections: ReadonlyArray<{ reason: string; detail: string }>;
}

export interface Letter extends DeadLetter {
  text: string | null;
  base64: string;
}

export interface Replay {
  received: number;
  stored: number;
  duplicate: number;
  rejections: ReadonlyArray<{ reason: string; detail: string }>;
}

export function readReadiness(value: unknown): { ready: boolean; checks: Check[] } {
  const from = object(value);
  const checks = list(from.checks).map(object).map((check) => ({ part: text(check.part) ?? '', ready: check.ready === true, detail: text(check.detail) ?? '' }));
  return { ready: from.ready === true, checks };
}

function readTally(value: unknown): Tally {
  const from = object(value);
  const count = (name: string): number => finite(from[name]) ?? 0;
  const reasons = Object.entries(object(from.reasons)).map(([reason, number]) => ({ reason, count: finite(number) ?? 0 }));
  return {
    source: text(from.source) ?? '',
    messages: count('messages'),
    received: count('received'),
    stored: count('stored'),
    duplicate: count('duplicate'),
    rejected: count('rejected'),
    pending: count('pending'),
    reasons: reasons.filter(({ count: many }) => many > 0).sort((a, b) => b.count - a.count),
  };
}

export function readLedger(value: unknown): Ledger {
  const from = object(value);
  return {
    balanced: from.balanced === true,
    missing: finite(from.missing_messages) ?? 0,
    sources: list(from.sources).map(readTally),
    total: readTally(from.total),
    devices: list(from.devices).map(object).map((device) => ({
      source: text(device.source) ?? '', device: text(device.device) ?? '', gaps: finite(device.gaps) ?? 0, missing: finite(device.missing_messages) ?? 0,
    })),
  };
}

function rejections(value: unknown): Array<{ reason: string; detail: string }> {
  return list(value).map(object).map((one) => ({ reason: text(one.reason) ?? '', detail: text(one.detail) ?? '' }));
}

function readDeadLetter(value: unknown): DeadLetter | null {
  const from = object(value);
  const id = text(from.id);
  if (id === null) return null;
  return {
    id,
    receivedAt: instant(from.received_at),
    source: text(from.source) ?? '',
    topic: text(from.topic) ?? '',
    bytes: finite(from.payload_bytes) ?? 0,
    preview: typeof from.preview === 'string' ? from.preview : null,
    rejections: rejections(from.rejections),
  };
}

export function readDeadLetters(value: unknown): { letters: DeadLetter[]; damaged: string[]; next: string | null } {
  const from = object(value);
  return {
    letters: list(from.dead_letters).map(readDeadLetter).filter((letter) => letter !== null),
    damaged: list(from.damaged).map(text).filter((id) => id !== null),
    next: text(from.next),
  };
}

export function readLetter(value: unknown): Letter | null {
  const letter = readDeadLetter(value);
  const from = object(value);
  return letter && { ...letter, text: typeof from.text === 'string' ? from.text : null, base64: text(from.base64) ?? '' };
}

export function readReplay(value: unknown): Replay {
  const from = object(value);
  return { received: finite(from.received) ?? 0, stored: finite(from.stored) ?? 0, duplicate: finite(from.duplicate) ?? 0, rejections: rejections(from.rejections) };
}
