import { upperGamma } from './distributions.ts';
import { hexOf56 } from '../sampling/word56.ts';
import type { Finding } from './findings.ts';
import type { ServiceState } from './service-state.ts';
import { binCount, chiSquareUniform, sampleMin, type UniformSample } from './uniform-sample.ts';

/** A test that a service's randomness is random, by what it looks at. */
export interface RandomnessTest {
  readonly name: 'claimed' | 'unclaimed' | 'last64' | 'xor32' | 'bits' | 'sequence' | 'repeated';
  readonly pValue: number;
}

/** Chance that two 56-bit numbers lie within 2^20 of each other, times what sorting a batch of 65,536 by trace id can add to it. */
const nearChance = 2 ** -35 * 65_536;

/** A sampler by R of less than 2^-12 is rarer than a generator that pads with zeros. */
const cutBitsMax = 12;

/**
 * The tests that a service has enough units for. Those of things that chance all but never does are there only when something was seen:
 * they would make the others less sharp.
 */
export function testsOf(state: ServiceState): RandomnessTest[] {
  const continuous = [['claimed', state.claimed.pValue], ['unclaimed', state.unclaimed.pValue], ['last64', last64PValue(state.last64)], ['xor32', state.xor32.pValue]] as const;
  const all: readonly (readonly [RandomnessTest['name'], number | null])[] = [
    ...continuous, ['bits', bitsPValue(state)], ['sequence', sequencePValue(state)], ['repeated', repeatedPValue(state)]];
  return all.flatMap(([name, pValue]) => (pValue === null ? [] : [{ name, pValue }]));
}

function bitsPValue({ idUnits, fixedBits }: ServiceState): number | null {
  return idUnits < sampleMin || fixedBits.count === 0 ? null : Math.min(1, 112 * 2 ** -idUnits);
}

function sequencePValue({ idUnits, near }: ServiceState): number | null {
  return idUnits < sampleMin || near === 0 ? null : 1 - upperGamma(near, idUnits * nearChance);
}

function repeatedPValue({ explicitUnits, repeated: { times } }: ServiceState): number | null {
  return explicitUnits < sampleMin || times < 2 ? null : Math.min(1, explicitUnits ** 2 * 2 ** -57) ** (times - 1);
}

/** The last 8 bytes of a UUID begin with the bits 10 of its variant, whatever samples it; then the rest is looked at. */
function last64PValue(sample: UniformSample): number | null {
  if (!isUuid(sample)) return sample.pValue;
  return chiSquareUniform(sample.bins.subarray(binCount / 2, (binCount * 3) / 4), sample.count);
}

function isUuid(sample: UniformSample): boolean {
  if (sample.count < sampleMin) return false;
  const { bins } = sample;
  return bins.every((count, bin) => count === 0 || (bin >= binCount / 2 && bin < (binCount * 3) / 4));
}

interface Diagnosis {
  readonly kind: string;
  readonly what: string;
  readonly cause: string;
  readonly sample: UniformSample;
}

/** One finding for all that failed: the failed tests of a service mostly have one cause. */
export function randomnessFinding(state: ServiceState, failed: readonly RandomnessTest[]): Finding {
  const { kind, what, cause, sample } = diagnose(state, new Set(failed.map(({ name }) => name)));
  return {
    service: state.name, kind, severity: 'fault', what, cause, affected: sample.count, of: state.units, unit: 'units', example: null,
    pValue: Math.min(...failed.map(({ pValue }) => pValue)), histogram: [...sample.bins],
  };
}

function diagnose(state: ServiceState, failed: ReadonlySet<RandomnessTest['name']>): Diagnosis {
  if (failed.has('repeated')) return repeated(state);
  if (failed.has('sequence') && state.near > state.idUnits * 0.02) return sequential(state);
  if (failed.has('bits') && !isCutOff(state.fixedBits)) return fixed(state);
  return legacy(state, failed) ?? (failed.has('claimed') ? misclaimed(state) : unclaimed(state));
}

/** Whether only leading bits are fixed, and few: what a threshold on R leaves behind, not a generator. */
function isCutOff({ count, mask }: ServiceState['fixedBits']): boolean {
  return count <= cutBitsMax && BigInt(`0x${mask}`) === (2n ** BigInt(count) - 1n) << BigInt(56 - count);
}

function mainSample(state: ServiceState): UniformSample {
  return state.claimed.count >= state.unclaimed.count ? state.claimed : state.unclaimed;
}

function repeated(state: ServiceState): Diagnosis {
  const { low, high, times } = state.repeated;
  return {
    kind: 'randomness_repeated', sample: mainSample(state),
    what: `have an explicit randomness (rv), and at least ${times} of ${state.explicitUnits} have the same, ${hexOf56(low, high)}`,
    cause: 'a constant where each trace should have random bits of its own: all of them are kept, or none is',
  };
}

function sequential(state: ServiceState): Diagnosis {
  return {
    kind: 'ids_sequential', sample: mainSample(state),
    what: `have trace ids whose last 7 bytes follow each other closely (${state.near} neighbours within 2^20)`,
    cause: 'a broken id generator: a counter or a clock in the last 7 bytes of the trace id, where W3C wants random bits',
  };
}

function fixed(state: ServiceState): Diagnosis {
  const { count, mask } = state.fixedBits;
  return {
    kind: 'ids_low_entropy', sample: mainSample(state),
    what: `have trace ids in which ${count} of the last 56 bits never change (mask ${mask})`,
    cause: mask.startsWith('ffffff')
      ? 'a broken id generator: short random numbers padded with zeros, or a fixed or time-based prefix in the last 7 bytes'
      : 'a broken id generator: some of the last 7 bytes of the trace id are fixed',
  };
}

/** Share of the range that holds a sample which begins at 0 and ends early; null where it does not look cut. */
function cutAt(sample: UniformSample): number | null {
  const isCut = sample.count >= sampleMin && sample.max < 0.995 && sample.max ** sample.count < 1e-3;
  return isCut ? (sample.max * (sample.count + 1)) / sample.count : null;
}

/** What old ratio samplers leave behind: only small values of what they compared with the ratio. */
function legacy(state: ServiceState, failed: ReadonlySet<RandomnessTest['name']>): Diagnosis | null {
  const last64 = failed.has('last64') ? legacyOf(state.last64) : null;
  if (last64 !== null) return { ...last64, sample: state.last64, cause: `${last64.cause} by the last 8 bytes of the trace id (as in Go, Python and Java)` };
  const xor32 = failed.has('xor32') ? legacyOf(state.xor32) : null;
  if (xor32 !== null) return { ...xor32, sample: state.xor32, cause: `${xor32.cause} by the XOR of the trace id's four words (as in JavaScript)` };
  return null;
}

function legacyOf(sample: UniformSample): Omit<Diagnosis, 'sample'> | null {
  const ratio = cutAt(sample) ?? foldedCut(sample);
  if (ratio === null) return null;
  return {
    kind: 'legacy_ratio_sampler', what: `say nothing of sampling, but only ids of the smallest ${percent(ratio)} are there`,
    cause: `a legacy TraceIdRatioBased sampler at about ${percent(ratio)}, which writes no threshold: counts are short by a factor of about ${(1 / ratio).toPrecision(3)}; it decided`,
  };
}

/** Java compares the absolute value of a signed number: both ends of the range stay. */
function foldedCut({ bins, count }: UniformSample): number | null {
  let side = 0;
  while (side < binCount / 2 && (bins[side] > 0 || bins[binCount - 1 - side] > 0)) side++;
  const inside = bins.subarray(side, binCount - side);
  const isEmpty = inside.every((seen) => seen === 0);
  const ratio = (2 * side) / binCount;
  return isEmpty && side > 0 && ratio ** count < 1e-6 ? ratio : null;
}

/** Thresholds or counts that are reached, but by R that lie unevenly above them. */
function misclaimed({ claimed }: ServiceState): Diagnosis {
  const what = 'say how they were sampled, but their randomness is not uniform above that threshold';
  if (claimed.min > 0.005 && (1 - claimed.min) ** claimed.count < 1e-3) {
    const kept = 1 - claimed.min;
    return {
      kind: 'threshold_too_low', sample: claimed, what,
      cause: `a lying threshold: about ${percent(kept)} of what it should let pass is there, so something sampled further by R and did not raise it; counts are short by a factor of about ${(1 / kept).toPrecision(3)}`,
    };
  }
  return {
    kind: 'randomness_uneven', sample: claimed, what,
    cause: 'items that were dropped or added by something that looks at the trace id, or ids that are not random',
  };
}

function unclaimed({ unclaimed: sample }: ServiceState): Diagnosis {
  const what = 'say nothing of sampling, but the last 7 bytes of their trace ids are not uniform';
  const low = cutAt(sample);
  if (low !== null) return { kind: 'legacy_ratio_sampler', sample, what, cause: `a legacy ratio sampler that keeps ids of small last bytes, at about ${percent(low)} or below` };
  if (sample.min > 0.005 && (1 - sample.min) ** sample.count < 1e-3) {
    return { kind: 'threshold_missing', sample, what, cause: `sampling by R at about ${percent(1 - sample.min)} whose threshold was not written or was lost on the way (tracestate dropped)` };
  }
  return { kind: 'randomness_uneven', sample, what, cause: 'a broken id generator, or a sampler that does not say that it samples' };
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(2)} %`;
}
