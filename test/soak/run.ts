// npm run soak -- outage|quota|overload [--seconds N] [--rate SPANS_A_SECOND] [--around N]: the real program under load for minutes. Ends with 1 where something is not as it should be.
import { parseArgs } from 'node:util';
import { outage, overload, quota, type SoakResult, type SoakTimes } from './scenarios.ts';

const { values, positionals } = parseArgs({ allowPositionals: true, options: { 'seconds': { type: 'string', default: '600' }, 'rate': { type: 'string', default: '5000' }, 'around': { type: 'string', default: '30' }, 'storage-limit': { type: 'string', default: '64MiB' } } });
const times: SoakTimes = { rate: Number(values.rate), seconds: Number(values.seconds), aroundSeconds: Number(values.around), windowSeconds: 5 };
const scenarios: { readonly [name: string]: () => Promise<SoakResult> } = { outage: () => outage(times), quota: () => quota(times, values['storage-limit']), overload: () => overload(times) };

const scenario = scenarios[positionals[0] ?? ''];
if (scenario === undefined) {
  process.stderr.write(`name a scenario: ${Object.keys(scenarios).join(', ')}\n`);
  process.exit(2);
}
const { numbers, isRight } = await scenario();
for (const [name, value] of Object.entries(numbers)) process.stdout.write(`${name}: ${value.toLocaleString('en')}\n`);
process.stdout.write(isRight ? 'right\n' : 'WRONG\n');
process.exit(isRight ? 0 : 1);
