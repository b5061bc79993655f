import type { Finding } from './findings.ts';
import { holm } from './holm.ts';
import { pOfZ, scoreZ, zScore } from './interval.ts';
import type { PairedService } from './stream-pair.ts';

/** Units that must have been kept before a z is judged. */
const unitsMin = 10;

/** Services whose estimate after sampling is not what was there before. */
export function pairFindings(services: readonly PairedService[], itemName: string, level: number): Finding[] {
  const judged = services.filter((service) => service.unitsKept >= unitsMin || (service.variance === 0 && zScore(service) > 0));
  const adjusted = holm(judged.map((service) => pOfZ(scoreZ(service))));
  const off = judged.flatMap((service, index) => (adjusted[index] < level ? [offFinding(service, itemName, adjusted[index])] : []));
  const strangers = services.filter(({ unknownUnits }) => unknownUnits > 0).map((service) => strangerFinding(service));
  return [...off, ...strangers];
}

function offFinding(service: PairedService, itemName: string, pValue: number): Finding {
  const { name, truth, estimate, itemsAfter } = service;
  const percent = (100 * (estimate - truth)) / truth;
  const isOver = estimate > truth;
  return {
    service: name, kind: isOver ? 'estimate_high' : 'estimate_low', severity: 'fault', affected: itemsAfter, of: service.itemsBefore, unit: itemName,
    what: `stand for ${estimate.toFixed(0)} where ${truth.toFixed(0)} came (${percent >= 0 ? '+' : ''}${percent.toFixed(2)} %, z ${zScore(service).toFixed(1)})`,
    example: null, pValue, histogram: null,
    cause: isOver
      ? 'counts that are too high: double counting, or a probability lower than the one that was applied'
      : service.uncounted > 0
        ? `${service.uncounted} of them say neither threshold nor count: sampled by something that does not write what it did`
        : 'items that no policy names are in nobody\'s count (dropped on purpose?), or a probability higher than the one that was applied',
  };
}

function strangerFinding({ name, unknownUnits, unitsKept }: PairedService): Finding {
  return {
    service: name, kind: 'not_from_before', severity: 'fault', what: 'are traces of which nothing is in the stream before', affected: unknownUnits, of: unitsKept,
    unit: 'units', example: null, pValue: null, histogram: null, cause: 'the two streams are not of the same time or place, or trace ids were changed between them',
  };
}
