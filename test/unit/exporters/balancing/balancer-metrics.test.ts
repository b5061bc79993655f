import { expect, test } from 'vitest';
import { Balancer } from '../../../../src/exporters/balancing/balancer.ts';
import { registerBalancerMetrics } from '../../../../src/exporters/balancing/balancer-metrics.ts';
import type { BatchSink } from '../../../../src/pipeline/sink.ts';
import { MetricRegistry } from '../../../../src/telemetry/metrics.ts';
import { spanBatch } from '../../pipeline/synthetic.ts';
import { VirtualSeam } from '../virtual-seam.ts';

/** A member that takes everything, and of whose queue some bytes are not acknowledged. */
const waiting = (name: string): BatchSink => ({ name, queuedBytes: 700, delivered: 0, push: async (_batch, onSettled) => onSettled?.({ kind: 'ok' }), drain: async () => undefined });

function balancerOf(name: string, seam: VirtualSeam, members: readonly string[]): Balancer {
  const balancer = new Balancer({
    name, seam, rowsMax: 1000, hashSeed: 3, rememberMs: 10_000, tracesMax: 1000, failsOver: true, giveUpMs: 60_000, isOverload: () => false, open: waiting, isAlive: async () => true,
    observer: { sent: () => undefined, down: () => undefined, up: () => undefined, gone: () => undefined },
  });
  balancer.setMembers(members);
  return balancer;
}

const queues = (registry: MetricRegistry): string[] => registry.text().split('\n').filter((line) => line.startsWith('thresher_balancer_queue_bytes{')).sort();
const queue = (exporter: string, member: string): string => `thresher_balancer_queue_bytes{exporter="${exporter}",member="${member}"} 700`;

test('the queue of a member that is gone is said no more, those of others stay', async () => {
  const [seam, registry] = [new VirtualSeam(1), new MetricRegistry()];
  const [first, second] = [balancerOf('lb', seam, ['a:1', 'b:1']), balancerOf('lb/2', seam, ['c:1'])];
  for (const balancer of [first, second]) registerBalancerMetrics(registry, balancer);
  const batch = spanBatch(Array.from({ length: 40 }, (_, index) => ({ trace: index, startMs: 5 })));
  await Promise.all([first.pass(batch), second.pass(batch)]);
  expect(queues(registry)).toEqual([queue('lb', 'a:1'), queue('lb', 'b:1'), queue('lb/2', 'c:1')]);
  first.setMembers(['a:1']);
  await seam.runUntil(() => first.router.members.length === 1);
  expect(queues(registry)).toEqual([queue('lb', 'a:1'), queue('lb/2', 'c:1')]);
  await Promise.all([first.drain(0), second.drain(0)]);
});
