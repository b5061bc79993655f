import type { Conversion, ConversionRequest } from './conversion.ts';
import { NoEqual } from './finding.ts';
import { convertCollector, isCollectorConfig } from './collector/convert-collector.ts';

/** A configuration of the Collector as policies. Throws NoEqual where it is neither. */
export function convert(request: ConversionRequest): Conversion {
  if (isCollectorConfig(request.value)) return convertCollector(request);
  throw new NoEqual('it is neither a configuration of the Collector (processors: tail_sampling) nor rules of Refinery (Samplers:)');
}
