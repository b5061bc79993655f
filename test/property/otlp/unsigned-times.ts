import type { Json, OtlpRequest } from '../../support/otlp-json.ts';

/** Arrow's timestamps are signed, OTLP's are not; the bits are the same. JSON has no -0, NaN or Infinity: they become texts. */
export function unsignedTimes(request: OtlpRequest): OtlpRequest {
  const text = JSON.stringify(request, (name, value: Json) => {
    if (name.endsWith('UnixNano') && typeof value === 'string') return String(BigInt.asUintN(64, BigInt(value)));
    if (Object.is(value, -0)) return '-0';
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
  return JSON.parse(text) as OtlpRequest;
}
