import type { Signal } from '../../otap/payload-type.ts';
import type { PushResult } from '../../pipeline/sink.ts';
import { metrics } from '../../telemetry/declared.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { MetricRegistry } from '../../telemetry/metrics.ts';
import type { Balancer, BalancerObserver } from './balancer.ts';

/** Counts what a balancer does, and logs what becomes of its members. */
export function balancerObserver(exporter: string, log: Logger, registry: MetricRegistry): BalancerObserver {
  return {
    sent: (signal: Signal, member: string, rows: number, result: PushResult) => {
      registry.counter(metrics.balancerItems).add(rows, { signal, exporter, member, outcome: result.kind === 'ok' ? 'sent' : result.kind === 'permanent' ? 'refused' : 'unanswered' });
      if (result.kind === 'ok') registry.counter(metrics.itemsExported).add(rows, { signal, exporter });
    },
    down: (member, result) => log.warn('member_down', `${member} does not answer, and what was for it goes to others: ${result.kind === 'ok' ? '' : result.message}`, { exporter, member }),
    up: (member) => log.info('member_up', `${member} answers again`, { exporter, member }),
    gone: (member) => log.info('member_gone', `${member} left the list and has been handed over`, { exporter, member }),
  };
}

/** Publishes what a balancer knows, at each reading of the registry. */
export function registerBalancerMetrics(registry: MetricRegistry, balancer: Balancer): void {
  const exporter = balancer.name;
  const torn = { down: 0, left: 0 };
  let forgotten = 0;
  let queues: ReadonlyMap<string, number> = new Map();
  registry.onRead(() => {
    const { router, links } = balancer;
    const states = { serving: 0, leaving: 0, down: 0 };
    for (const { isDown, leavesAtMs } of router.members) states[isDown ? 'down' : leavesAtMs === null ? 'serving' : 'leaving']++;
    for (const [state, count] of Object.entries(states)) registry.gauge(metrics.balancerMembers).set(count, { exporter, state });
    for (const member of queues.keys()) registry.gauge(metrics.balancerQueueBytes).forget({ exporter, member });
    queues = links.queuedBytes;
    for (const [member, bytes] of queues) registry.gauge(metrics.balancerQueueBytes).set(bytes, { exporter, member });
    for (const cause of ['down', 'left'] as const) {
      registry.counter(metrics.balancerTorn).add(router.torn[cause] - torn[cause], { exporter, cause });
      torn[cause] = router.torn[cause];
    }
    const { size = 0, forgottenEarly = 0 } = router.owners ?? {};
    registry.gauge(metrics.balancerTraces).set(size, { exporter });
    registry.counter(metrics.balancerForgotten).add(forgottenEarly - forgotten, { exporter });
    forgotten = forgottenEarly;
  });
}
