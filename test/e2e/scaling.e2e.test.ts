import { describe, expect } from 'vitest';
import { shareOf } from '../support/given-messages.ts';
import { counted, Sender, spansOfTrace, tieredTest } from './scaling-support.ts';

/**
 * Scenario: a balancer before Threshers, real processes with windows of a second; members come and leave while traces are sent whose spans are
 * apart. One more Thresher alone gets the same requests.
 * Guarantees: the members together keep what the one alone keeps, span for span and threshold for threshold, by a policy that keeps whole traces alone, and each trace is one
 * member's; a member that has been handed over can be ended.
 * Control: scaling-control.e2e.test.ts.
 */
const whole = `WHERE span_count = ${spansOfTrace}`;

describe('members that come and leave in order', () => {
  tieredTest('keep together what one Thresher alone keeps, and no trace is torn', async ({ tiers }) => {
    const [alone, one, two, three] = await Promise.all(['alone', 'one', 'two', 'three'].map((name) => tiers.sampler(name, whole)));
    tiers.writeMembers(one, two);
    const front = await tiers.balancer('otlp', { hand_over: '6s' });
    const sender = new Sender(11, front.otlpHttpPort, alone.otlpHttpPort);
    await sender.go(1000, 15);
    tiers.writeMembers(one, two, three);
    await sender.go(1500, 15);
    tiers.writeMembers(two, three);
    await sender.go(1000, 15);
    expect(await counted(front, 'thresher_balancer_members{exporter="load_balancing",state="leaving"}')).toBe(1);
    await sender.go(5500, 15);
    await front.child.says('"reason":"member_gone"', 5000);
    const ended = one.child.stop();
    await sender.go(500, 15);
    await sender.end();
    const torn = await counted(front, 'thresher_balancer_torn_traces_total');
    const sentTo = await Promise.all([one, two, three].map(({ grpcPort }) => counted(front, `thresher_balancer_items_total{signal="traces",exporter="load_balancing",member="127.0.0.1:${grpcPort}",outcome="sent"}`)));
    expect([await ended, await front.child.stop(), ...await Promise.all([two, three, alone].map(({ child }) => child.stop()))]).toEqual([0, 0, 0, 0, 0]);
    expect(sender.refused).toBe(0);
    const half = [...sender.begun.keys()].filter((trace) => shareOf(trace) <= 0.5).length;
    expect(tiers.backend.of('alone')).toHaveLength(half * spansOfTrace);
    expect(tiers.backend.of('one', 'two', 'three')).toEqual(tiers.backend.of('alone'));
    const split = [...tiers.backend.membersOf('alone').values()].filter((members) => members.size > 1).length;
    expect({ torn, split }).toEqual({ torn: 0, split: 0 });
    expect(Math.min(...sentTo)).toBeGreaterThan(100);
    expect(sentTo.reduce((sum, each) => sum + each)).toBe(sender.begun.size * spansOfTrace);
  });
});
