import type { Finding } from './findings.ts';
import type { Defect, ServiceState } from './service-state.ts';

interface DefectText {
  readonly severity: Finding['severity'];
  readonly what: string;
  readonly cause: string;
}

const texts: { readonly [defect in Defect]: DefectText } = {
  contradiction: {
    severity: 'fault', what: 'carry a threshold above their randomness: a sampler of that threshold would have dropped them',
    cause: 'a threshold that was written and not applied, or applied to another randomness (a trace id that was changed, an rv that was lost)',
  },
  threshold_malformed: { severity: 'fault', what: 'carry a threshold that is not 1 to 14 hexadecimal digits', cause: 'an SDK or processor that writes th (or sampling.threshold) wrongly' },
  randomness_malformed: { severity: 'fault', what: 'carry an explicit randomness that is not exactly 14 hexadecimal digits', cause: 'an SDK or processor that writes rv (or sampling.randomness) wrongly' },
  count_impossible: { severity: 'fault', what: 'carry an adjusted count that is below 1 or no finite number', cause: 'a processor that writes a probability, or text, where the count 1/p belongs' },
  count_inverted: { severity: 'fault', what: 'carry the probability p of their threshold as adjusted count, instead of 1/p', cause: 'an inverted count: the processor that writes it has p and 1/p the wrong way round' },
  count_squared: { severity: 'fault', what: 'carry the square of the count that their threshold gives', cause: 'double counting: two tiers that kept the same items at the same threshold, and multiplied their counts' },
  count_disagrees: { severity: 'fault', what: 'carry an adjusted count that is not 2^56 / (2^56 - T) of their threshold', cause: 'counts and thresholds written by different tiers, one of which does not know of the other' },
  trace_id_zero: { severity: 'fault', what: 'have no trace id, or one that is all zero', cause: 'an SDK or exporter that sends spans without a context' },
  duplicate: { severity: 'fault', what: 'have the trace id and span id of one before', cause: 'a retry that was delivered twice, or two pipelines that both send to here; every total counts them twice' },
  mixed_thresholds: {
    severity: 'note', what: 'come with another threshold than the spans of their trace before (traces counted)',
    cause: 'services that sample with different probabilities; right for totals of spans, but whole traces must be counted by their most-sampled spans',
  },
};

/** What is wrong with a service's items by themselves, as it was seen. */
export function defectFindings(state: ServiceState, itemName: string): Finding[] {
  return [...state.defects].map(([defect, { count, example }]) => {
    const { severity, what, cause } = texts[defect];
    return {
      service: state.name, kind: defect, severity, what, affected: count, of: state.items, unit: itemName, example, pValue: null, histogram: null,
      cause: defect === 'contradiction' ? contradictionCause(state, cause) : cause,
    };
  });
}

/** When as many units contradict as would if nothing had been sampled at all, nothing was. */
function contradictionCause({ contradictingUnits, contradictionsIfUnapplied }: ServiceState, otherwise: string): string {
  if (contradictionsIfUnapplied < 5) return otherwise;
  const share = contradictingUnits / contradictionsIfUnapplied;
  if (share > 0.8 && share < 1.25) return 'a lying threshold: it is written on everything and nothing is dropped by it, so counts are too high by 1/p';
  if (share > 0.3 && share < 0.8) return 'double counting: part of the sampling that the threshold tells of was never done (for example two tiers whose probabilities were multiplied)';
  return otherwise;
}
