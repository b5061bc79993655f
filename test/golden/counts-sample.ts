import { readFileSync } from 'node:fs';
import { PolicyCompiler } from '../../src/policy/compile/compiler.ts';
import { sqlFunctionFiles } from '../../src/sampling/sql-functions.ts';
import { flowThrough } from '../sql/store/support.ts';
import { readCapture } from '../support/captures.ts';
import type { OtlpRequest } from '../support/otlp-json.ts';
import { decodeOwn } from '../support/reencode.ts';

/** What docs/counts.md is tried on: counts of 1 and of others that are no whole numbers. */
const policies = {
  traces: `SELECT trace_id, 1.0 AS probability FROM traces WHERE has_error
           UNION ALL SELECT unnest(bottom_k(item, 300), recursive := true) FROM traces GROUP BY root_service`,
  logs: 'SELECT id, CASE WHEN severity_number >= 17 THEN 1.0 ELSE 0.15 END AS probability FROM logs',
};

export interface Sample {
  readonly messages: readonly Uint8Array[];
  readonly requests: readonly OtlpRequest[];
}

/** What a policy keeps of the recorded capture of a signal, as it is sent and decoded. */
export async function sampleOf(signal: 'traces' | 'logs', sql = policies[signal], input = readCapture(`${signal}_zstd`)): Promise<Sample> {
  const functions = sqlFunctionFiles();
  const compiler = await PolicyCompiler.create(functions);
  try {
    const flow = await flowThrough(signal, input, {
      policies: [await compiler.compile('p', sql)], setupSql: functions.map(({ path }) => readFileSync(path, 'utf8')), windows: { tracesLengthMs: 2000, tracesWaitMs: 30_000, logsLengthMs: 10_000 },
    });
    if (flow.tally.firstError !== null) throw new Error(flow.tally.firstError);
    const messages = flow.sink.messages(signal);
    return { messages, requests: decodeOwn(signal, messages) };
  } finally {
    compiler.close();
  }
}
