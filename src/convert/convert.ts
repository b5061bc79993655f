import type { Conversion, ConversionRequest } from './conversion.ts';
import { NoEqual } from './finding.ts';
import { convertCollector, isCollectorConfig } from './collector/convert-collector.ts';
import { convertRefinery, isRefineryRules } from './refinery/convert-refinery.ts';

/** A configuration of the Collector, or Refinery's rules, as policies. Throws NoEqual where it is neither. */
export function convert(request: ConversionRequest): Conversion {
  if (isCollectorConfig(request.value)) return convertCollector(request);
  if (isRefineryRules(request.value)) return convertRefinery(request);
  throw new NoEqual('it is neither a configuration of the Collector (processors: tail_sampling) nor rules of Refinery (Samplers:)');
}
