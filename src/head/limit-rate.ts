export interface RateLimits {
  /** A rate grows or falls by this factor at most. */
  readonly changeMax: number;
  /** It stays until the wanted one differs by more than this part of it. */
  readonly hysteresis: number;
}

/** Rates have four digits, so that a text of them is short and says what is served; rounded up, which loses nothing. */
const digits = 4;

/** The rate to serve next: towards `wanted`, by no more than the limits allow; `served` where the difference is not worth a change, or there is nothing wanted. */
export function limitRate(served: number, wanted: number, { changeMax, hysteresis }: RateLimits): number {
  if (Number.isNaN(wanted)) return served;
  const target = Math.min(1, Math.max(0, wanted));
  const isNear = Math.abs(target - served) <= hysteresis * served && !(target === 1 && served < 1);
  if (isNear) return served;
  const least = served / changeMax;
  const most = served === 0 ? 1 : served * changeMax;
  return Math.min(1, roundedUp(Math.min(most, Math.max(least, target))));
}

function roundedUp(rate: number): number {
  if (rate === 0) return 0;
  const unit = 10 ** (Math.floor(Math.log10(rate)) + 1 - digits);
  const rounded = Number((Math.ceil(rate / unit - 1e-9) * unit).toPrecision(digits));
  return rounded;
}
