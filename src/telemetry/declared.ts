import { declareMetrics } from './metrics.ts';

/**
 * Every metric of the process, declared once. Append-only in spirit: a name is an interface to dashboards and alerts.
 * `signal` is traces, logs or metrics; `reason` is the snake_case reason of a CodedError.
 */
export const metrics = declareMetrics({
  buildInfo: { type: 'gauge', name: 'thresher_build_info', help: 'Always 1; its labels say which version runs.', labels: ['version', 'node'] },

  itemsReceived: { type: 'counter', name: 'thresher_items_received_total', help: 'Spans, log records and metrics accepted from senders.', labels: ['signal', 'receiver'] },
  batchesReceived: { type: 'counter', name: 'thresher_batches_received_total', help: 'Batches accepted from senders.', labels: ['signal', 'receiver'] },
  wireBytesReceived: { type: 'counter', name: 'thresher_wire_bytes_received_total', help: 'Bytes of accepted messages as they came on the wire.', labels: ['signal', 'receiver'] },
  batchesRefused: { type: 'counter', name: 'thresher_batches_refused_total', help: 'Batches that were not accepted, by the reason that the sender was told.', labels: ['signal', 'receiver', 'reason'] },

  tlsFailures: { type: 'counter', name: 'thresher_tls_handshake_failures_total', help: 'Connections to a listener with TLS that came to nothing, by reason.', labels: ['listener', 'reason'] },
  tlsCertificateExpiry: { type: 'gauge', name: 'thresher_tls_certificate_expiry_timestamp_seconds', help: 'When the certificate that a listener shows ends, seconds since the Unix epoch.', labels: ['listener'] },
  unauthenticated: { type: 'counter', name: 'thresher_unauthenticated_total', help: 'Requests refused for want of a valid token: none came (missing), or another (wrong).', labels: ['listener', 'reason'] },
  credentialReloads: { type: 'counter', name: 'thresher_credential_reloads_total', help: 'Times that changed files of certificates, keys or tokens were read again, by result: loaded, or failed (the old ones stay).', labels: ['component', 'result'] },

  itemsDecided: { type: 'counter', name: 'thresher_items_decided_total', help: 'Items of closed windows, by what became of them: kept or dropped.', labels: ['signal', 'outcome'] },
  windowsDecided: { type: 'counter', name: 'thresher_windows_decided_total', help: 'Windows closed, by how they were decided: policy or fallback.', labels: ['signal', 'by'] },
  mixedTraces: { type: 'counter', name: 'thresher_mixed_traces_total', help: 'Traces of closed windows whose spans came with different probabilities; they were decided on their most-sampled spans alone.' },
  lateItems: { type: 'counter', name: 'thresher_late_items_total', help: 'Spans that came after their trace was decided and followed that decision.', labels: ['signal', 'outcome'] },
  itemsUnreadable: { type: 'counter', name: 'thresher_items_unreadable_total', help: 'Items to be sent, kept or (where these go somewhere) dropped, whose batch could not be read again; they are lost.', labels: ['signal'] },
  droppedRouted: { type: 'counter', name: 'thresher_dropped_items_routed_total', help: 'Dropped items that were handed, as they came, to the exporters that pipelines name under dropped.', labels: ['signal'] },
  attributeMismatches: { type: 'counter', name: 'thresher_attribute_mismatches_total', help: 'Attribute values of another type than the policy reads; they read as NULL.', labels: ['key'] },
  policySeconds: { type: 'histogram', name: 'thresher_policy_duration_seconds', help: 'Time that one policy took over one window.', labels: ['policy'] },
  policyFailures: { type: 'counter', name: 'thresher_policy_failures_total', help: 'Windows in which a policy failed, by reason.', labels: ['policy', 'reason'] },
  policyWindows: { type: 'counter', name: 'thresher_policy_windows_total', help: 'Windows that a policy was run on.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000 },
  policyUnitsNamed: { type: 'counter', name: 'thresher_policy_named_total', help: 'Traces or log records that a policy named, kept or not; for a drop policy those that it put a ceiling on.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000 },
  policyOversize: { type: 'counter', name: 'thresher_policy_oversize_total', help: 'Log records (or spans, where these are named) of units larger than the sample or budget that they were named in, which are sampled one by one (oversize split).', labels: ['signal', 'policy', 'mode'], seriesMax: 1000 },
  policyItemsKept: { type: 'counter', name: 'thresher_policy_items_kept_total', help: 'Spans or log records that a policy keeps by its own probability after ceilings, whatever others say; for a drop policy those that its ceiling lets pass.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000 },
  policyBytesKept: { type: 'counter', name: 'thresher_policy_bytes_kept_total', help: 'Their share of the retained bytes: kept items times the mean bytes of an item of the window, as it came.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000 },
  policyItemsEstimated: { type: 'counter', name: 'thresher_policy_items_estimated_total', help: 'Sum of their adjusted counts by the policy\'s own probability.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000 },
  policyItemsMarginal: { type: 'counter', name: 'thresher_policy_items_marginal_total', help: 'Spans or log records that a policy keeps and no other enforce policy does.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000 },

  historyKeys: { type: 'counter', name: 'thresher_policy_history_keys_total', help: 'Keys of windows in the view history of a policy: remembered, or forgotten for want of room (history_keys).', labels: ['policy', 'outcome'], seriesMax: 2000 },
  historyFailures: { type: 'counter', name: 'thresher_policy_history_failures_total', help: 'Windows of which nothing is remembered for a policy, since what it remembers failed or took too long.', labels: ['policy'], seriesMax: 1000 },

  policyReloads: { type: 'counter', name: 'thresher_policy_reloads_total', help: 'Reloads of the policies, by result: loaded, unchanged (asked for and nothing was new) or refused (the old ones stay).', labels: ['result'] },
  policyReloadOk: { type: 'gauge', name: 'thresher_policy_last_reload_successful', help: 'Whether the policies that run are those of the files: 0 after the files were refused, else 1.' },
  policyLoadTime: { type: 'gauge', name: 'thresher_policy_last_load_timestamp_seconds', help: 'When the newest policies were loaded, seconds since the Unix epoch.' },
  policyGeneration: { type: 'gauge', name: 'thresher_policy_generation', help: 'Number of the newest set of policies that was loaded; the start\'s is 1.' },
  policyGenerationInForce: { type: 'gauge', name: 'thresher_policy_generation_in_force', help: 'Number of the set of policies that decides windows; it follows when all slots of a window have what the newest reads.', labels: ['signal'] },
  policySetInfo: { type: 'gauge', name: 'thresher_policy_set_info', help: 'Always 1; its label is a hash of the names and texts of the newest policies loaded.', labels: ['hash'] },
  policyInfo: { type: 'gauge', name: 'thresher_policy_info', help: 'Always 1, one for each policy of the newest set; the hash is of its text.', labels: ['policy', 'signal', 'hash'], seriesMax: 1000 },

  certificateTruth: { type: 'counter', name: 'thresher_certificate_truth_total', help: 'What the items that a policy means stood for when they came, over certified windows: the sum of their adjusted counts. Policy and key (all): what leaves, the whole window.', labels: ['signal', 'policy', 'key'], seriesMax: 2000 },
  certificateEstimate: { type: 'counter', name: 'thresher_certificate_estimate_total', help: 'What was kept of them says that they stood for.', labels: ['signal', 'policy', 'key'], seriesMax: 2000 },
  certificateVariance: { type: 'counter', name: 'thresher_certificate_variance_total', help: 'Horvitz-Thompson variance of that estimate: the truth is within 1.96 times its square root in 95 of 100 cases.', labels: ['signal', 'policy', 'key'], seriesMax: 2000 },
  certificateLow: { type: 'gauge', name: 'thresher_certificate_window_low', help: 'Lower end of the 95 % interval of the last window.', labels: ['signal', 'policy', 'key'], seriesMax: 2000 },
  certificateHigh: { type: 'gauge', name: 'thresher_certificate_window_high', help: 'Upper end of it.', labels: ['signal', 'policy', 'key'], seriesMax: 2000 },
  certificateWindowZ: { type: 'gauge', name: 'thresher_certificate_window_z', help: 'How many standard deviations the estimate of the last window is above the truth.', labels: ['signal', 'policy', 'key'], seriesMax: 2000 },
  certificateZ: { type: 'gauge', name: 'thresher_certificate_z', help: 'The same over all windows; beyond 4 either way, counts are wrong.', labels: ['signal', 'policy', 'key'], seriesMax: 2000 },
  certificateAlarms: { type: 'counter', name: 'thresher_certificate_alarms_total', help: 'Times that a long-run z went beyond 4: counts that are too high (over), or short of what came (short).', labels: ['signal', 'policy', 'direction'], seriesMax: 1000 },

  randomnessDistance: { type: 'gauge', name: 'thresher_randomness_distance', help: 'How far the randomness of traces that came as unsampled is from uniform: the share that is out of place. Key (all): all services.', labels: ['key'], seriesMax: 250 },
  randomnessSuspect: { type: 'gauge', name: 'thresher_randomness_suspect', help: 'Is 1 where that is more than chance: they were sampled by something that does not say so, or have broken ids.', labels: ['key'], seriesMax: 250 },

  bufferedBytes: { type: 'gauge', name: 'thresher_buffered_bytes', help: 'Bytes of retained batches in open windows.', labels: ['signal'] },
  bufferedItems: { type: 'gauge', name: 'thresher_buffered_items', help: 'Items in open windows.', labels: ['signal'] },

  itemsExported: { type: 'counter', name: 'thresher_items_exported_total', help: 'Items that the next hop acknowledged.', labels: ['signal', 'exporter'] },
  itemsLost: { type: 'counter', name: 'thresher_items_lost_total', help: 'Items that an exporter gave up on, by reason.', labels: ['signal', 'exporter', 'reason'] },
  exportRetries: { type: 'counter', name: 'thresher_export_retries_total', help: 'Batches that were sent again, by reason.', labels: ['signal', 'exporter', 'reason'] },
  wireBytesSent: { type: 'counter', name: 'thresher_wire_bytes_sent_total', help: 'Bytes of sent messages as they went on the wire.', labels: ['signal', 'exporter'] },

  logLinesSuppressed: { type: 'counter', name: 'thresher_log_lines_suppressed_total', help: 'Log lines held back by the rate limit of their reason.', labels: ['reason'] },

  processResidentBytes: { type: 'gauge', name: 'process_resident_memory_bytes', help: 'Resident memory of the process.' },
  processCpuSeconds: { type: 'counter', name: 'process_cpu_seconds_total', help: 'User and system CPU time of the process since its start.' },
  eventLoopDelaySeconds: { type: 'gauge', name: 'nodejs_eventloop_delay_p99_seconds', help: 'Delay of the main event loop since the last reading, 99th percentile.' },
});
