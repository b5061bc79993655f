import { Share } from './share.ts';
import type { Written } from '../written.ts';
import type { PolicyContext } from './context.ts';
import { everything, nothing, type Selection } from './selection.ts';

/** `probabilistic`: a share of what arrives, whatever was sampled before. */
export function probabilistic(config: Written): Selection {
  const salt = config.text('hash_salt');
  const fraction = config.number('sampling_percentage') / 100;
  return fraction <= 0 ? nothing : { ...everything, share: Share.of(fraction, salt) };
}

export function rateLimiting(config: Written): Selection {
  return limited('span_count', config.whole('spans_per_second'), config.whole('burst_capacity'));
}

/** The Collector counts the bytes of a trace as OTLP; no view has them, so a span is taken to have so many. */
export function bytesLimiting(config: Written, { findings, place, notes, options: { bytesPerSpan } }: PolicyContext): Selection {
  const text = `no view has the bytes of a trace: a span counts ${bytesPerSpan}; measure yours (thresher_policy_bytes_kept_total over thresher_policy_items_kept_total) and convert with --bytes-per-span`;
  findings.warning(place, text);
  notes.push(`A span counts ${bytesPerSpan} bytes: no view has those of a trace.`);
  return limited(`span_count * ${bytesPerSpan}`, config.whole('bytes_per_second'), config.whole('burst_capacity'));
}

function limited(size: string, perSecond: number, burstWritten: number): Selection {
  if (perSecond <= 0) return nothing;
  return { ...everything, limits: [{ size, perSecond, burst: burstWritten > 0 ? burstWritten : perSecond * 2 }] };
}
