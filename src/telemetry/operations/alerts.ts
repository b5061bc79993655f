import { metrics } from '../declared.ts';
import { grew, rate, series } from './promql.ts';

/** An alert on the process's own metrics, and what to do about it. */
export interface Alert {
  readonly name: string;
  /** `critical`: data is lost or wrong, or will soon be. `warning`: somebody should look within the day. */
  readonly severity: 'critical' | 'warning';
  /** PromQL that is true where something is wrong. */
  readonly expr: string;
  /** How long it must be so; `0m` at once. */
  readonly lasts: string;
  /** One line, with labels as {{ $labels.name }}. */
  readonly summary: string;
  /** What is the matter. */
  readonly means: string;
  readonly response: string;
}

/** Reasons of refusals that ask senders to come again. */
const full = '"memory_limit|receive_buffers_full"';
const m = metrics;

/** Every alert, the gravest first. */
export const alerts: readonly Alert[] = [
  {
    name: 'ThresherDown', severity: 'critical', lasts: '2m', expr: 'up{job=~".*thresher.*"} == 0', summary: '{{ $labels.instance }} does not answer',
    means: 'Prometheus cannot read the metrics: the process is gone, hangs, or is cut off. What it held in memory is lost where it ended without draining.',
    response: 'Look at its last log lines and exit code: 137 is the kernel for want of memory, 1 a drain that was not done in time. Senders keep what is not acknowledged.',
  },
  {
    name: 'ThresherLosesItems', severity: 'critical', lasts: '0m', expr: grew(m.itemsLost, '10m'),
    summary: '{{ $labels.instance }}: kept {{ $labels.signal }} for {{ $labels.exporter }} were given up ({{ $labels.reason }})',
    means: 'Kept items were refused for good by the next hop, or could not be sent for `retry_on_failure.max_elapsed_time`.',
    response: 'The log (`export_failed`) has the next hop\'s answer. Repair the next hop; for longer outages raise `max_elapsed_time` and `sending_queue.size_bytes`, and add `more_endpoints`.',
  },
  {
    name: 'ThresherItemsUnreadable', severity: 'critical', lasts: '0m', expr: grew(m.itemsUnreadable, '10m'),
    summary: '{{ $labels.instance }}: kept {{ $labels.signal }} could not be read again',
    means: 'Batches that were acknowledged could not be read when their window was decided, and what was kept of them is lost.',
    response: 'With `validate: read` senders\' bad values show only here: use `validate: all`. Else it is an error of ours: keep the log (`items_unreadable`) and a capture, and report it.',
  },
  {
    name: 'ThresherCountsWrong', severity: 'critical', lasts: '10m', expr: `abs(${series(m.certificateZ)}) > 4 and on (job, instance, signal, policy) ${series(m.certificateAlarms)} > 0`,
    summary: '{{ $labels.instance }}: counts of {{ $labels.signal }} are {{ $value | printf "%.1f" }} standard deviations off (policy {{ $labels.policy }}, {{ $labels.key }})',
    means: 'Sums of adjusted counts do not tell what came: a policy names items with probabilities that it does not keep to, or what comes was sampled before in a way that it does not say.',
    response: 'The log (`certificate_over`, `certificate_short`) says what stands against what. `thresher policy check` finds biased SQL; `thresher audit` on a capture of the input finds who upstream is wrong (docs/audit.md).',
  },
  {
    name: 'ThresherResidentMemoryNearEnd', severity: 'critical', lasts: '5m', expr: `${series(m.processResidentBytes)} / ${series(m.memoryGrantedBytes)} > 0.9`,
    summary: '{{ $labels.instance }}: resident memory is {{ $value | humanizePercentage }} of what the process may use',
    means: 'Near the container\'s (or unit\'s, or machine\'s) memory the kernel ends the process, and what it holds is lost.',
    response: 'Give it more memory, or set `memory.limit` lower; then policies that take much memory in a query (`thresher_policy_duration_seconds`) and `decision_cache`.',
  },
  {
    name: 'ThresherRefusesForWantOfRoom', severity: 'warning', lasts: '5m',
    expr: `sum without (receiver) (${rate(m.batchesRefused, '5m', { reason: `=~${full}` })}) > 0`,
    summary: '{{ $labels.instance }}: senders of {{ $labels.signal }} are told to come again ({{ $labels.reason }})',
    means: 'What is held has reached `memory.limit`. Senders wait and try again; those whose queues run full lose data.',
    response: 'See which runs full: windows (ThresherWindowsLate), queues (ThresherExportQueueNearlyFull), or simply traffic times `decision_wait`: more memory, shorter windows, or more replicas.',
  },
  {
    name: 'ThresherRefusesBatches', severity: 'warning', lasts: '0m', expr: grew(m.batchesRefused, '15m', { reason: `!~${full}` }),
    summary: '{{ $labels.instance }}: batches of {{ $labels.signal }} are refused ({{ $labels.reason }})',
    means: 'A sender sends what cannot be taken: malformed, too large, beyond a limit. It was told so, and most senders then drop it.',
    response: 'docs/otap.md and docs/otlp.md explain the reasons; the log (`batch_refused`) has the message. For `message_too_large` raise `max_recv_msg_size` or let senders batch smaller.',
  },
  {
    name: 'ThresherMemberDown', severity: 'warning', lasts: '2m', expr: `${series(m.balancerMembers, { state: '="down"' })} > 0`,
    summary: '{{ $labels.instance }}: {{ $value }} members of {{ $labels.exporter }} do not answer',
    means: 'Telemetry that belongs to these members goes to the others. What they held undecided waits for their return where they have durability, and is lost where not.',
    response: 'The log (`member_down`) names them and says why. A member that is to go should leave the list `hand_over` before it is ended (docs/scaling.md).',
  },
  {
    name: 'ThresherTracesTorn', severity: 'warning', lasts: '0m', expr: grew(m.balancerTorn, '15m', { cause: '="down"' }),
    summary: '{{ $labels.instance }}: spans of some traces went to two members of {{ $labels.exporter }}',
    means: 'A member that held undecided traces did not answer, and their further spans went to others. Each part is decided by itself: counts stay right, but conditions on whole traces may have missed.',
    response: 'Look why members end. Where they come back quickly with their log on the disk, raise `failover_after` above the time that takes.',
  },
  {
    name: 'ThresherExportQueueNearlyFull', severity: 'warning', lasts: '5m', expr: `${series(m.queueBytes)} / ${series(m.queueCapacityBytes)} > 0.8`,
    summary: '{{ $labels.instance }}: the queue of {{ $labels.exporter }} is {{ $value | humanizePercentage }} full',
    means: 'The next hop takes less than is kept. When the queue is full windows wait, memory fills, and then the intake refuses.',
    response: 'Look at the next hop and at `thresher_export_retries_total` by reason. More endpoints, a larger queue, or policies that keep less.',
  },
  {
    name: 'ThresherExportRetries', severity: 'warning', lasts: '15m', expr: `sum without (signal, reason) (${rate(m.exportRetries, '5m')}) > 0`,
    summary: '{{ $labels.instance }}: {{ $labels.exporter }} has had to send again for a quarter of an hour',
    means: 'The next hop answers with errors that pass, or not at all. Nothing is lost yet.',
    response: 'The reason label says which; the next hop\'s own metrics say why.',
  },
  {
    name: 'ThresherWindowsLate', severity: 'warning', lasts: '5m', expr: `${series(m.windowLagSeconds)} > 30`,
    summary: '{{ $labels.instance }}: the oldest window of {{ $labels.signal }} is {{ $value | humanizeDuration }} late',
    means: 'Windows are not decided when they are due: policies take too long, the CPU is short, or an exporter\'s full queue holds them up.',
    response: 'Look at the queue first, then `thresher_policy_duration_seconds` by policy (`thresher policy explain` shows what is dear), then CPU: one process uses about one core.',
  },
  {
    name: 'ThresherFallback', severity: 'warning', lasts: '0m', expr: grew(m.windowsDecided, '15m', { by: '="fallback"' }),
    summary: '{{ $labels.instance }}: windows of {{ $labels.signal }} were decided by the fallback',
    means: 'Policies failed or did not answer within `policy.deadline`, so every item of the window was kept with `policy.fallback.probability`. Counts stay right; volume and choice do not.',
    response: 'ThresherPolicyFails names policy and reason. Where that probability is 1, check that the next hop bears all traffic.',
  },
  {
    name: 'ThresherPolicyFails', severity: 'warning', lasts: '0m', expr: grew(m.policyFailures, '15m'),
    summary: '{{ $labels.instance }}: policy {{ $labels.policy }} fails ({{ $labels.reason }})',
    means: 'A policy failed on a window: too slow, too many rows, out of memory, or an error in its SQL on real data.',
    response: 'The log has the error. Replay a capture with the policy (`thresher replay`), repair it, and let it reload: no restart is needed.',
  },
  {
    name: 'ThresherPoliciesNotReloaded', severity: 'warning', lasts: '1m', expr: `${series(m.policyReloadOk)} == 0`,
    summary: '{{ $labels.instance }}: changed policies were refused; the old ones run',
    means: 'The policy files on disk cannot be used; the set that was loaded before stays in force. A restart would fail.',
    response: '`thresher policy check` on the files says what is wrong and where; so does the log (`policies_refused`).',
  },
  {
    name: 'ThresherMemoryNearLimit', severity: 'warning', lasts: '5m', expr: `${series(m.memoryFullness)} > 0.9`,
    summary: '{{ $labels.instance }}: what memory.limit allows is full to {{ $value | humanizePercentage }}',
    means: 'Windows close early (`memory.soft_limit`), and soon senders are told to come again.',
    response: 'As for ThresherRefusesForWantOfRoom.',
  },
  {
    name: 'ThresherInputSampledUnsaid', severity: 'warning', lasts: '15m', expr: `${series(m.randomnessSuspect)} == 1`,
    summary: '{{ $labels.instance }}: traces of {{ $labels.key }} are not randomly chosen, and do not say so',
    means: 'Trace ids that come as unsampled are not uniform: something upstream samples without a threshold, or ids are badly made. Counts of these services are too low.',
    response: '`thresher audit` on a capture tells which (docs/audit.md). Let the head sampler write `ot=th:`, or set `input_without_threshold: unknown` at that receiver.',
  },
  {
    name: 'ThresherNothingComes', severity: 'warning', lasts: '15m',
    expr: `sum without (receiver) (${rate(m.itemsReceived, '10m')}) == 0 and sum without (receiver) (rate(${series(m.itemsReceived, undefined, '[10m] offset 1h')})) > 0`,
    summary: '{{ $labels.instance }}: no {{ $labels.signal }} have come for a quarter of an hour, as they did an hour ago',
    means: 'Senders cannot reach it, or there is nothing to send.',
    response: 'Look at the senders\' export errors, at their load balancing, and at `thresher_batches_refused_total`.',
  },
  {
    name: 'ThresherMainThreadBusy', severity: 'warning', lasts: '10m', expr: `${series(m.eventLoopDelaySeconds)} > 1`,
    summary: '{{ $labels.instance }}: the main thread answers {{ $value | humanizeDuration }} late',
    means: 'The process has more to do than its core allows; senders\' deadlines may pass.',
    response: 'More replicas (docs/deployment.md), fewer and larger batches from senders, `validate: read` for senders that are trusted.',
  },
  {
    name: 'ThresherSendersUnauthenticated', severity: 'warning', lasts: '15m', expr: `${rate(m.unauthenticated, '5m')} > 0`,
    summary: '{{ $labels.instance }}: requests to {{ $labels.listener }} come with a token that is {{ $labels.reason }}',
    means: 'Senders are turned away for want of a valid token, and go on trying. What they send is lost to them once their queues are full.',
    response: 'The log has their addresses. After a rotation some still have the old token: list both until all have the new one (docs/security.md).',
  },
  {
    name: 'ThresherCredentialsNotReloaded', severity: 'warning', lasts: '0m', expr: grew(m.credentialReloads, '15m', { result: '="failed"' }),
    summary: '{{ $labels.instance }}: changed credentials of {{ $labels.component }} cannot be used; the old ones stay',
    means: 'Files of certificates, keys or tokens changed to something that cannot be read or does not fit together.',
    response: 'The log says which file and why. The old ones hold until they end, or the process is started again.',
  },
  {
    name: 'ThresherCertificateEnds', severity: 'warning', lasts: '1h', expr: `${series(m.tlsCertificateExpiry)} - time() < 7 * 86400`,
    summary: '{{ $labels.instance }}: the certificate of {{ $labels.listener }} ends in {{ $value | humanizeDuration }}',
    means: 'After that senders refuse to connect.',
    response: 'Replace the files; they are read again without a restart (docs/security.md).',
  },
];
