import type { Seam } from '../base/seam.ts';
import type { Finding } from '../policy/compile/finding.ts';
import { PolicyError } from '../policy/compile/policy-error.ts';
import { compileRule } from './compile-rule.ts';
import type { RateRow, RateSettings } from './rate-row.ts';
import { HeadRule } from './rule.ts';

const settings: RateSettings = { defaultRate: 1, floor: 0.001, floorTracesPerSecond: 1, margin: 2, headMinimum: 0, stress: 1 };

/** Rows at the ends of what can be, on which a rule must give rates: new, idle, kept whole, hardly kept, rare and frequent. */
const samples: readonly RateRow[] = [1e-3, 1, 1e6].flatMap((arrivalsPerSecond) => [1, 0.5, 1e-6, 0].map((probability): RateRow => (
  { service: 'service', operation: null, rate: 0.5, windows: 6, probability, arrivalsPerSecond, budgetPerSecond: arrivalsPerSecond * Math.max(probability, 1e-9), isCensored: probability === 0.5, cameProbability: 0.5 })));
const idle: RateRow = { service: 'service', operation: 'operation', rate: 1, windows: 0, probability: null, arrivalsPerSecond: null, budgetPerSecond: null, isCensored: false, cameProbability: 1 };

/** What is wrong with the SQL of rates: that it does not compile, or gives something else than a rate on rows as they can come. */
export async function checkRule(name: string, text: string, seam: Seam): Promise<readonly Finding[]> {
  try {
    const rule = await HeadRule.open(await compileRule(name, text, seam), seam);
    try {
      for (const stress of [1, 0.1]) await rule.rates([...samples, idle], { ...settings, stress });
      await rule.rates([...samples, idle], { ...settings, floor: 0, headMinimum: 1, margin: 1 });
    } finally {
      rule.close();
    }
    return [];
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const { policyReason, position, problem, hint } = error;
    return [{ code: policyReason === 'failed' ? 'rate_range' : policyReason, severity: 'error', position, message: problem, hint }];
  }
}
