import { realSeam, type Seam } from '../../base/seam.ts';
import { Analysis } from '../compile/analysis.ts';
import type { CompiledPolicy } from '../compile/compiled.ts';
import { PolicyCompiler, type Examined } from '../compile/compiler.ts';
import { type Finding, findingText, lintRules } from '../compile/finding.ts';
import { PolicyError } from '../compile/policy-error.ts';
import { lintNever } from './lint-never.ts';
import { lintProbability } from './lint-probability.ts';
import { lintSizes } from './lint-sizes.ts';
import { RangeBench } from './range-bench.ts';

/** What was found about one policy. */
export interface PolicyReport {
  readonly name: string;
  /** Null where it does not compile. */
  readonly policy: CompiledPolicy | null;
  /** By place in the text; a policy that does not compile has one, an error. */
  readonly findings: readonly Finding[];
}

/** Compiles policies and says all that can be said of them before they run. Holds two DuckDB instances until closed. */
export class PolicyChecker {
  readonly #compiler: PolicyCompiler;
  readonly #ranges: Analysis;

  private constructor(compiler: PolicyCompiler, ranges: Analysis) {
    this.#compiler = compiler;
    this.#ranges = ranges;
  }

  /** `functions`: files of trusted SQL that create the sampling macros, in the order in which they depend on each other. */
  static async open(functions: readonly { readonly path: string }[], seam: Seam = realSeam()): Promise<PolicyChecker> {
    const compiler = await PolicyCompiler.create(functions, seam);
    return new PolicyChecker(compiler, await Analysis.open(functions.map(({ path }) => path), seam, true));
  }

  close(): void {
    this.#compiler.close();
    this.#ranges.close();
  }

  /** Never throws PolicyError: what is wrong is among the findings. */
  async check(name: string, text: string): Promise<PolicyReport> {
    try {
      const examined = await this.#compiler.examine(name, text);
      const findings = [...otherWarnings(examined), ...examined.findings, ...await this.#planned(examined)];
      return { name, policy: examined.policy, findings: findings.sort(byPlace) };
    } catch (error) {
      if (error instanceof PolicyError) return { name, policy: null, findings: [ofError(error)] };
      throw error;
    }
  }

  async #planned(examined: Examined): Promise<readonly Finding[]> {
    const bench = await RangeBench.open(this.#ranges, examined);
    try {
      return [...await lintProbability(bench, examined), ...await lintSizes(bench, examined), ...await lintNever(bench, examined)];
    } finally {
      bench.close();
    }
  }
}

/** Warnings that are no lint's: those about the header. */
function otherWarnings({ policy, findings }: Examined): readonly Finding[] {
  const known = new Set(findings.map(findingText));
  return policy.warnings.filter((text) => !known.has(text)).map((text) => {
    const [, line, column, rest] = /^(?:line )?(\d+)(?::(\d+))?: ([\s\S]*)$/.exec(text) ?? [null, null, null, text];
    const position = line === null ? null : { line: Number(line), column: Number(column ?? 1) };
    return { code: 'header', severity: lintRules.header.severity, position, message: rest ?? text, hint: null };
  });
}

function ofError({ policyReason, position, problem, hint }: PolicyError): Finding {
  return { code: policyReason, severity: 'error', position, message: problem, hint };
}

function byPlace(a: Finding, b: Finding): number {
  return (a.position?.line ?? 0) - (b.position?.line ?? 0) || (a.position?.column ?? 0) - (b.position?.column ?? 0);
}
