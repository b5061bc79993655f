import { readFileSync } from 'node:fs';
import { PolicyCompiler } from './policy/compile/compiler.ts';
import type { CompiledPolicy } from './policy/compile/compiled.ts';
import { sqlFunctionFiles } from './sampling/sql-functions.ts';

/** A policy's text with the name that messages call it by. */
export interface PolicyText {
  readonly name: string;
  readonly text: string;
}

/** Compiled policies, and the trusted SQL that a database needs before they run: the sampling macros. */
export interface OpenPolicies {
  readonly policies: readonly CompiledPolicy[];
  readonly setupSql: readonly string[];
}

/** Compiles policies against the sampling functions of this package. Throws PolicyError. */
export async function openPolicies(texts: readonly PolicyText[]): Promise<OpenPolicies> {
  const functions = sqlFunctionFiles();
  const compiler = await PolicyCompiler.create(functions);
  try {
    const policies: CompiledPolicy[] = [];
    for (const { name, text } of texts) policies.push(await compiler.compile(name, text));
    return { policies, setupSql: functions.map(({ path }) => readFileSync(path, 'utf8')) };
  } finally {
    compiler.close();
  }
}
