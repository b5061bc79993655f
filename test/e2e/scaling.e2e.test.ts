import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { shareOf } from '../support/given-messages.ts';
import { Backend, counted, Sender, spansOfTrace, startTier, type Tier } from './scaling-support.ts';

/**
 * Scenario: a balancer before three Threshers, real processes with windows of a second; members come, leave and die while traces are sent whose spans are
 * apart. One more Thresher alone gets the same requests.
 * Guarantees: while members change in order the members together keep what the one alone keeps, span for span and threshold for threshold, by a policy that keeps
 * whole traces alone, and each trace is one member's. When a member dies, all that comes is taken, traces that come afterwards are whole, and those that were torn are counted.
 * Control: without hand-over traces are torn.
 */
const directory = mkdtempSync(join(tmpdir(), 'thresher-scaling-'));
let tiers: Tier[] = [];
let backend = new Backend();

afterEach(async () => {
  await Promise.all(tiers.splice(0).map(({ child }) => child.kill()));
  backend.close();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** A sampler that says who it is; of whole traces it keeps half. */
async function sampler(name: string, backendPort: number, condition: string, grpcPort = 0): Promise<Tier> {
  const policy = join(directory, `${name}.sql`);
  writeFileSync(policy, `SELECT trace_id, 0.5 AS probability FROM traces ${condition}`);
  const tier = await startTier(directory, name, {
    windows: { traces: { length: '1s', decision_wait: '2s' } }, policies: [policy],
    exporters: { otlphttp: { endpoint: `http://127.0.0.1:${backendPort}`, encoding: 'json', compression: 'none', headers: { 'x-member': name } } },
  }, grpcPort);
  tiers.push(tier);
  return tier;
}

const membersFile = join(directory, 'members.txt');

function writeMembers(...members: readonly Tier[]): void {
  writeFileSync(membersFile, `# members of the test\n${members.map(({ grpcPort }) => `127.0.0.1:${grpcPort}\n`).join('')}`);
}

async function balancer(protocol: 'otlp' | 'otap', options: object): Promise<Tier> {
  const tier = await startTier(directory, 'balancer', {
    exporters: { load_balancing: { resolver: { file: { path: membersFile } }, protocol: { [protocol]: { tls: { insecure: true } } }, ...options } },
    pipelines: { traces: { mode: 'pass', receivers: ['otlp'], exporters: ['load_balancing'] } },
  });
  tiers.push(tier);
  return tier;
}

const whole = `WHERE span_count = ${spansOfTrace}`;

/** Two members; a third comes, then the first leaves and is ended when it has been handed over. */
async function scaledOutAndIn(handOver: string) {
  backend = new Backend();
  const port = await backend.listen();
  const [alone, one, two, three] = await Promise.all(['alone', 'one', 'two', 'three'].map((name) => sampler(name, port, whole)));
  writeMembers(one, two);
  const front = await balancer('otlp', { hand_over: handOver });
  const sender = new Sender(11, front.otlpHttpPort, alone.otlpHttpPort);
  await sender.go(1500, 15);
  writeMembers(one, two, three);
  await sender.go(2500, 15);
  writeMembers(two, three);
  await sender.go(1000, 15);
  if (handOver !== '0s') expect(await counted(front, 'thresher_balancer_members{exporter="load_balancing",state="leaving"}')).toBe(1);
  await sender.go(4500, 15);
  if (handOver !== '0s') expect(front.child.said).toContain('"reason":"member_gone"');
  const ended = one.child.stop();
  await sender.go(1000, 15);
  await sender.end();
  const torn = await counted(front, 'thresher_balancer_torn_traces_total');
  const sentTo = await Promise.all([one, two, three].map(({ grpcPort }) => counted(front, `thresher_balancer_items_total{signal="traces",exporter="load_balancing",member="127.0.0.1:${grpcPort}",outcome="sent"}`)));
  const exitCodes = [await ended, await front.child.stop(), ...await Promise.all([two, three, alone].map(({ child }) => child.stop()))];
  const [together, expected] = [backend.of('one', 'two', 'three'), backend.of('alone')];
  const split = [...backend.membersOf('alone').values()].filter((members) => members.size > 1).length;
  return { sender, torn, sentTo, exitCodes, together, expected, split };
}

describe('members that come and leave in order', () => {
  test('keep together what one Thresher alone keeps, and no trace is torn', async () => {
    const { sender, torn, sentTo, exitCodes, together, expected, split } = await scaledOutAndIn('4s');
    expect(exitCodes).toEqual([0, 0, 0, 0, 0]);
    expect(sender.refused).toBe(0);
    const half = [...sender.begun.keys()].filter((trace) => shareOf(trace) <= 0.5).length;
    expect(expected).toHaveLength(half * spansOfTrace);
    expect(together).toEqual(expected);
    expect({ torn, split }).toEqual({ torn: 0, split: 0 });
    expect(Math.min(...sentTo)).toBeGreaterThan(100);
    expect(sentTo.reduce((sum, each) => sum + each)).toBe(sender.begun.size * spansOfTrace);
  }, 60_000);

  test('control: without hand-over traces are torn, and so not kept', async () => {
    const { together, expected } = await scaledOutAndIn('0s');
    const missing = expected.filter((line) => !together.includes(line)).length;
    expect(missing).toBeGreaterThan(spansOfTrace);
  }, 60_000);
});

describe('a member that dies', () => {
  test('is left alone; what comes is taken, traces after it are whole, those torn are counted, and it gets new ones when it is back', async () => {
    backend = new Backend();
    const port = await backend.listen();
    const [alone, one, two, three] = await Promise.all(['alone', 'one', 'two', 'three'].map((name) => sampler(name, port, '')));
    writeMembers(one, two, three);
    const front = await balancer('otap', { hand_over: '4s', failover_after: '1s' });
    const sender = new Sender(12, front.otlpHttpPort, alone.otlpHttpPort);
    await sender.go(2000, 15);
    await two.child.kill();
    await sender.go(2500, 15);
    const downMs = performance.now();
    expect(await counted(front, 'thresher_balancer_members{exporter="load_balancing",state="down"}')).toBe(1);
    const torn = await counted(front, 'thresher_balancer_torn_traces_total{exporter="load_balancing",cause="down"}');
    const again = await sampler('again', port, '', two.grpcPort);
    await sender.go(5000, 15);
    await sender.end();
    expect(front.child.said).toContain('"reason":"member_up"');
    await front.child.stop();
    await Promise.all([one, three, again, alone].map(({ child }) => child.stop()));
    expect(sender.refused).toBe(0);
    const [together, expected] = [backend.of('one', 'two', 'three', 'again'), backend.of('alone')];
    const missing = new Set(expected.filter((line) => !together.includes(line)).map((line) => line.slice(0, 32)));
    const present = new Set(together.map((line) => line.slice(0, 32)));
    const inPart = [...missing].filter((trace) => present.has(trace)).length;
    console.log({ traces: sender.begun.size, torn, missing: missing.size, inPart, slowestMs: Math.round(sender.slowestMs) });
    expect([...missing].filter((trace) => (sender.begun.get(trace) ?? 0) > downMs)).toEqual([]);
    expect(together.filter((line) => !expected.includes(line))).toEqual([]);
    expect(torn).toBeGreaterThan(0);
    // Half of the traces are kept.
    expect(inPart).toBeGreaterThan(0);
    expect(inPart).toBeLessThanOrEqual(torn);
    expect(backend.of('again').length).toBeGreaterThan(0);
  }, 90_000);
});
