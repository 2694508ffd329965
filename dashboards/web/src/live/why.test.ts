// Why a moment cannot be shown.
import { expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { whyNot, whyUnmapped } from './why';

test.each([
  [new ApiError(400, 'not_supported', 'at: the history is in InfluxDB'), { kind: 'present-only' }],
  [new ApiError(503, 'unavailable', 'the history is 7 entries behind'), { kind: 'lags' }],
  [new ApiError(400, 'invalid_parameter', 'deleted for their age'), { kind: 'failed', reason: 'deleted for their age' }],
  [new ApiError(0, 'unreachable', 'no answer'), { kind: 'failed', reason: 'no answer' }],
  [new TypeError('odd'), { kind: 'failed', reason: 'odd' }],
])('%s', (error, why) => {
  expect(whyNot(error)).toEqual(why);
});

test.each([
  [Object.assign(new Error('AJAXError'), { status: 503 }), { kind: 'lags' }],
  [Object.assign(new Error('AJAXError: http://a/very/long/address'), { status: 500 }), { kind: 'unmapped', reason: 'HTTP 500' }],
  [new Error('no answer within 20 s'), { kind: 'unmapped', reason: 'no answer within 20 s' }],
])('a tile: %s', (error, why) => {
  expect(whyUnmapped(error)).toEqual(why);
});
