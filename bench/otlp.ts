import { type OtlpPair, otlpRatioTable, otlpTable, otlpThreadTable } from './otlp-report.ts';
import { type OtlpLoad, type OtlpOptions, runSide } from './otlp-run.ts';

/** Measures Thresher and the Collector under each load, one after the other; gives the tables. */
export async function otlpTables(loads: readonly OtlpLoad[], options: OtlpOptions): Promise<string[]> {
  const pairs: OtlpPair[] = [];
  for (const load of loads) {
    process.stderr.write(`otlp, ${load.spansPerRequest} spans a request, ${load.encoding}\n`);
    const thresher = await runSide('Thresher', load, options);
    const collector = await runSide('Collector', load, options);
    pairs.push({ thresher, collector });
    process.stderr.write(`${otlpRatioTable(pairs.slice(-1))}\n`);
  }
  const { rate, waitSeconds, windowSeconds, measuredSeconds } = options;
  const about = `OTLP gRPC in, errors, slow and a tenth of the rest, OTLP gRPC out; ${waitSeconds} s of decision wait, Thresher's windows ${windowSeconds} s long. Steady: ${rate.toLocaleString('en-US')} spans a `
    + `second, full: as fast as requests are answered, 16 at a time over two connections; each measured for ${measuredSeconds} s after the windows were full.`;
  return [about, otlpTable(pairs), otlpThreadTable(pairs), otlpRatioTable(pairs)];
}

/** Every size of request in every encoding. */
export function otlpLoads(sizes: readonly number[], encodings: readonly string[]): OtlpLoad[] {
  return sizes.flatMap((spansPerRequest) => encodings.map((encoding) => ({ spansPerRequest, encoding: encoding === 'gzip' ? 'gzip' : 'none' }) as const));
}
