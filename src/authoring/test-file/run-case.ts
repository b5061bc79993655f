import { basename, dirname, resolve } from 'node:path';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { Seam } from '../../base/seam.ts';
import { openPolicies, type PolicyText, readPolicyTexts } from '../../policies.ts';
import { PolicyError } from '../../policy/compile/policy-error.ts';
import { givenItems } from '../given/given-items.ts';
import { TraceKeys } from '../given/trace-keys.ts';
import type { RunSettings } from '../pipeline-run.ts';
import { runOnce } from './case-run.ts';
import { checkKept, type Failure } from './check-kept.ts';
import { checkUnbiased, type SeedEstimate } from './check-unbiased.ts';
import type { Expectation, TestCase, TestFile } from './declaration.ts';

/** What came of a case. */
export interface CaseResult {
  readonly name: string;
  readonly failures: readonly Failure[];
  /** Estimates over seeds, where the case asks for them. */
  readonly estimates: readonly SeedEstimate[];
  readonly elapsedMs: number;
}

/** A test file as it was read. */
export interface LoadedTest {
  readonly path: string;
  readonly file: TestFile;
}

export interface CaseOptions {
  /** Goes over the seeds of the file and the case. */
  readonly seed: number | null;
  readonly seam: Seam;
  readonly signal: AbortSignal;
  readonly progress: (share: number) => void;
}

/** Runs one case. Never throws for what the case is about; throws CodedError for what cannot be run, as a capture that is not there. */
export async function runCase(test: LoadedTest, testCase: TestCase, options: CaseOptions): Promise<CaseResult> {
  const startMs = options.seam.monotonicMs();
  const done = (failures: readonly Failure[], estimates: readonly SeedEstimate[] = []): CaseResult => (
    { name: testCase.name, failures, estimates, elapsedMs: options.seam.monotonicMs() - startMs });
  try {
    const { failures, estimates } = await outcomeOf(test, testCase, options);
    return done(failures, estimates);
  } catch (error) {
    if (error instanceof PolicyError) return done(errorFailures(error.message, testCase.expect));
    throw error;
  }
}

/** Throws PolicyError where the policies cannot be compiled, or not combined as asked. */
async function outcomeOf(test: LoadedTest, testCase: TestCase, options: CaseOptions): Promise<Pick<CaseResult, 'failures' | 'estimates'>> {
  const compiled = await openPolicies(policyTexts(test, testCase));
  const { given, expect } = testCase;
  const namesPolicies = Object.values(expect.items).some(({ policies }) => policies.length > 0);
  const settings = { ...settingsOf(test.file), namesPolicies };
  const seed = options.seed ?? testCase.seed ?? test.file.seed;
  const items = givenItems(given, { windowMs: settings.windowMs, seed, resolve: (path) => resolve(dirname(test.path), path) });
  const keys = new TraceKeys(items.units === null ? 'all' : items.fixedIds);
  items.batches.forEach((batch) => keys.add(batch));
  const seedName = `${seed} ${testCase.name}`;
  const kept = await runOnce(compiled, settings, { items, keys, ids: keys.idsOf(seedName) });
  const failures = [...errorFailures(kept.error, expect), ...checkKept(items, kept, expect)];
  if (expect.unbiased === null) return { failures, estimates: [] };
  const unbiased = await checkUnbiased(compiled, settings, items, expect.unbiased, { ...options, seedName });
  return { failures: [...failures, ...unbiased.failures], estimates: unbiased.estimates };
}

function settingsOf({ windowMs, decisionWaitMs, inputWithoutThreshold, combine, fallback, deadlineMs }: TestFile): RunSettings {
  return { windowMs, decisionWaitMs, inputWithoutThreshold, combine, fallback, deadlineMs, namesPolicies: false, seed: null };
}

/** The policies of a case: written in it, named by it, named by the file, or the file's namesake. */
function policyTexts({ path, file }: LoadedTest, { sql, policies }: TestCase): PolicyText[] {
  if (sql !== null) return [{ name: 'sql', text: sql }];
  const named = policies.length > 0 ? policies : file.policies;
  const paths = named.length > 0 ? named : [basename(path).replace(/\.test\.ya?ml$/, '.sql')];
  return paths.flatMap((one) => {
    try {
      return readPolicyTexts([resolve(dirname(path), one)]);
    } catch (error) {
      throw new CodedError('NOT_FOUND', 'no_policy', `${path}: the policy ${one} cannot be read: ${messageOf(error)}`);
    }
  });
}

function errorFailures(message: string | null, { error: wanted }: Expectation): Failure[] {
  if (wanted === null) return message === null ? [] : [{ path: 'error', expected: 'no error', got: message }];
  const text = `an error that says "${wanted.message}"${wanted.policy === null ? '' : ` of policy ${wanted.policy}`}`;
  if (message === null) return [{ path: 'error', expected: text, got: 'none' }];
  const isIt = message.includes(wanted.message) && (wanted.policy === null || message.includes(`policy ${wanted.policy}`));
  return isIt ? [] : [{ path: 'error', expected: text, got: message }];
}
