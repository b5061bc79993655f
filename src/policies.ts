import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { basename } from 'node:path';
import { CodedError } from './base/errors.ts';
import { PolicyCompiler } from './policy/compile/compiler.ts';
import type { CompiledPolicy } from './policy/compile/compiled.ts';
import { policyTextBytesMax } from './policy/compile/policy-source.ts';
import { sqlFunctionFiles } from './sampling/sql-functions.ts';
import type { SampledSignal } from './store/slot-plan.ts';

/** A policy's text with the name that messages call it by. */
export interface PolicyText {
  readonly name: string;
  readonly text: string;
}

/** The policies in files, each by its file's name without `.sql`. Throws CodedError where a file is too large, or what reading it throws. */
export function readPolicyTexts(paths: readonly string[]): PolicyText[] {
  return paths.map((path) => {
    const { size } = statSync(path);
    if (size > policyTextBytesMax) {
      throw new CodedError('INVALID_ARGUMENT', 'policy_too_large', `${path}: ${size} bytes, at most ${policyTextBytesMax} are taken`);
    }
    return { name: basename(path, '.sql'), text: readFileSync(path, 'utf8') };
  });
}

/** A short name for policies by their content: 12 hexadecimal digits that differ when a name, a text or the order does. */
export function hashOfTexts(texts: readonly PolicyText[]): string {
  return createHash('sha256').update(JSON.stringify(texts.map(({ name, text }) => [name, text]))).digest('hex').slice(0, 12);
}

/** Compiled policies, and the trusted SQL that a database needs before they run: the sampling macros. */
export interface OpenPolicies {
  readonly policies: readonly CompiledPolicy[];
  readonly setupSql: readonly string[];
}

/** Policies that stand in for a signal that no enforce policy is for: they name everything, and drop policies still limit that. */
const keepAll: { readonly [signal in SampledSignal]: PolicyText } = {
  traces: { name: 'keep_all', text: 'SELECT trace_id, 1.0 AS probability FROM traces' },
  logs: { name: 'keep_all', text: 'SELECT id, 1.0 AS probability FROM logs' },
};

/** Signals that no enforce policy of these is for. */
export function signalsWithoutPolicy(policies: readonly CompiledPolicy[]): readonly SampledSignal[] {
  return (['traces', 'logs'] as const).filter((signal) => !policies.some((policy) => policy.signal === signal && policy.mode === 'enforce'));
}

/**
 * Compiles policies against the sampling functions of this package. With `keepsRest`, a policy `keep_all` follows for each signal that no
 * enforce policy is for; else nothing of such a signal is named, so nothing is kept. Throws PolicyError.
 */
export async function openPolicies(texts: readonly PolicyText[], { keepsRest = false }: { readonly keepsRest?: boolean } = {}): Promise<OpenPolicies> {
  const functions = sqlFunctionFiles();
  const compiler = await PolicyCompiler.create(functions);
  try {
    const policies: CompiledPolicy[] = [];
    for (const { name, text } of texts) policies.push(await compiler.compile(name, text));
    for (const signal of keepsRest ? signalsWithoutPolicy(policies) : []) policies.push(await compiler.compile(keepAll[signal].name, keepAll[signal].text));
    return { policies, setupSql: functions.map(({ path }) => readFileSync(path, 'utf8')) };
  } finally {
    compiler.close();
  }
}
