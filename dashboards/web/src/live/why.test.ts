// Why a moment cannot be shown.
import { expect, test } from 'vitest';
import { ApiError } from '../api/client';
import { whyNot } from './why';

test.each([
  [new ApiError(400, 'not_supported', 'at: the history is in InfluxDB'), { kind: 'present-only' }],
  [new ApiError(503, 'unavailable', 'the history is 7 entries behind'), { kind: 'lags' }],
  [new ApiError(400, 'invalid_parameter', 'deleted for their age'), { kind: 'failed', reason: 'deleted for their age' }],
  [new ApiError(0, 'unreachable', 'no answer'), { kind: 'failed', reason: 'no answer' }],
  [new TypeError('odd'), { kind: 'failed', reason: 'odd' }],
])('%s', (error, why) => {
  expect(whyNot(error)).toEqual(why);
});
