import { declareMetrics } from './metrics.ts';

/**
 * Every metric of the process, declared once. Append-only in spirit: a name is an interface to dashboards and alerts.
 * `signal` is traces, logs or metrics; `reason` is the snake_case reason of a CodedError.
 */
export const metrics = declareMetrics({
  buildInfo: { type: 'gauge', name: 'thresher_build_info', help: 'Always 1; its labels say which version runs.', labels: ['version', 'node'], row: 'process' },

  itemsReceived: { type: 'counter', name: 'thresher_items_received_total', help: 'Spans, log records and metrics accepted from senders.', labels: ['signal', 'receiver'], row: 'intake', high: 'More traffic than before; each item costs CPU and memory until its window is decided.' },
  batchesReceived: { type: 'counter', name: 'thresher_batches_received_total', help: 'Batches accepted from senders.', labels: ['signal', 'receiver'], row: 'intake', high: 'Many small batches cost more CPU for an item than few large ones: let senders batch.' },
  wireBytesReceived: { type: 'counter', name: 'thresher_wire_bytes_received_total', help: 'Bytes of accepted messages as they came on the wire.', labels: ['signal', 'receiver'], row: 'intake', high: 'More traffic, or larger items.' },
  batchesRefused: { type: 'counter', name: 'thresher_batches_refused_total', help: 'Batches that were not accepted, by the reason that the sender was told.', labels: ['signal', 'receiver', 'reason'], row: 'intake', high: 'Senders are told to come again (memory_limit, receive_buffers_full), or send what cannot be read.' },
  requestsRefused: { type: 'counter', name: 'thresher_requests_refused_total', help: 'Requests, streams and connections that a receiver refused before they were read as telemetry, by protocol (grpc or http) and reason.', labels: ['receiver', 'protocol', 'reason'], row: 'intake', high: 'Somebody sends what cannot be taken: too large, too slow, not in OTLP, to a wrong path; or more comes at once than the receiver holds (receive_buffers_full).' },

  tlsFailures: { type: 'counter', name: 'thresher_tls_handshake_failures_total', help: 'Connections to a listener with TLS that came to nothing, by reason.', labels: ['listener', 'reason'], row: 'intake', high: 'Somebody connects without TLS, or with a certificate that is not accepted.' },
  tlsCertificateExpiry: { type: 'gauge', name: 'thresher_tls_certificate_expiry_timestamp_seconds', help: 'When the certificate that a listener shows ends, seconds since the Unix epoch.', labels: ['listener'], row: 'intake' },
  unauthenticated: { type: 'counter', name: 'thresher_unauthenticated_total', help: 'Requests refused for want of a valid token: none came (missing), or another (wrong).', labels: ['listener', 'reason'], row: 'intake', high: 'Somebody sends without a token, or with a wrong one.' },
  credentialReloads: { type: 'counter', name: 'thresher_credential_reloads_total', help: 'Times that changed files of certificates, keys or tokens were read again, by result: loaded, or failed (the old ones stay).', labels: ['component', 'result'], row: 'intake' },

  itemsDecided: { type: 'counter', name: 'thresher_items_decided_total', help: 'Items of closed windows, by what became of them: kept or dropped.', labels: ['signal', 'outcome'], row: 'windows' },
  windowsDecided: { type: 'counter', name: 'thresher_windows_decided_total', help: 'Windows closed, by how they were decided: policy or fallback.', labels: ['signal', 'by'], row: 'windows', high: 'By fallback: policies failed or were late, and every item went by `policy.fallback.probability`.' },
  mixedTraces: { type: 'counter', name: 'thresher_mixed_traces_total', help: 'Traces of closed windows whose spans came with different probabilities; they were decided on their most-sampled spans alone.', row: 'windows', high: 'Senders of one trace sample differently: their less-sampled spans are no evidence.' },
  lateItems: { type: 'counter', name: 'thresher_late_items_total', help: 'Spans that came after their trace was decided and followed that decision.', labels: ['signal', 'outcome'], row: 'windows', high: 'Spans come after their trace was decided: `windows.traces.decision_wait` may be too short.' },
  windowLagSeconds: { type: 'gauge', name: 'thresher_window_lag_seconds', help: 'How long the oldest window that is not decided and handed on has been due; 0 where none is.', labels: ['signal'], row: 'windows', high: 'Deciding or exporting does not keep up, and memory fills.' },
  itemsUnreadable: { type: 'counter', name: 'thresher_items_unreadable_total', help: 'Items to be sent, kept or (where these go somewhere) dropped, whose batch could not be read again; they are lost.', labels: ['signal'], row: 'windows', high: 'Kept items are lost; an error of ours, or memory that went bad.' },
  droppedRouted: { type: 'counter', name: 'thresher_dropped_items_routed_total', help: 'Dropped items that were handed, as they came, to the exporters that pipelines name under dropped.', labels: ['signal'], row: 'export' },
  attributeMismatches: { type: 'counter', name: 'thresher_attribute_mismatches_total', help: 'Attribute values of another type than the policy reads; they read as NULL.', labels: ['key'], row: 'policies', high: 'A policy reads an attribute as another type than senders write: it sees NULL.' },
  policySeconds: { type: 'histogram', name: 'thresher_policy_duration_seconds', help: 'Time that one policy took over one window.', labels: ['policy'], row: 'policies', high: 'Near `policy.deadline` windows go by the fallback.' },
  policyFailures: { type: 'counter', name: 'thresher_policy_failures_total', help: 'Windows in which a policy failed, by reason.', labels: ['policy', 'reason'], row: 'policies', high: 'A policy failed or was late; the log says why.' },
  policyWindows: { type: 'counter', name: 'thresher_policy_windows_total', help: 'Windows that a policy was run on.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000, row: 'policies' },
  policyUnitsNamed: { type: 'counter', name: 'thresher_policy_named_total', help: 'Traces or log records that a policy named, kept or not; for a drop policy those that it put a ceiling on.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000, row: 'policies' },
  policyOversize: { type: 'counter', name: 'thresher_policy_oversize_total', help: 'Log records (or spans, where these are named) of units larger than the sample or budget that they were named in, which are sampled one by one (oversize split).', labels: ['signal', 'policy', 'mode'], seriesMax: 1000, row: 'policies', high: 'Traces larger than the samples that they are drawn into: their records are sampled one by one.' },
  policyItemsKept: { type: 'counter', name: 'thresher_policy_items_kept_total', help: 'Spans or log records that a policy keeps by its own probability after ceilings, whatever others say; for a drop policy those that its ceiling lets pass.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000, row: 'policies', high: 'A policy keeps more than it did.' },
  policyBytesKept: { type: 'counter', name: 'thresher_policy_bytes_kept_total', help: 'Their share of the retained bytes: kept items times the mean bytes of an item of the window, as it came.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000, row: 'policies', high: 'A policy keeps more than it did.' },
  policyItemsEstimated: { type: 'counter', name: 'thresher_policy_items_estimated_total', help: 'Sum of their adjusted counts by the policy\'s own probability.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000, row: 'policies' },
  policyItemsMarginal: { type: 'counter', name: 'thresher_policy_items_marginal_total', help: 'Spans or log records that a policy keeps and no other enforce policy does.', labels: ['signal', 'policy', 'mode'], seriesMax: 1000, row: 'policies' },

  historyKeys: { type: 'counter', name: 'thresher_policy_history_keys_total', help: 'Keys of windows in the view history of a policy: remembered, or forgotten for want of room (history_keys).', labels: ['policy', 'outcome'], seriesMax: 2000, row: 'policies', high: 'Forgotten keys: `history_keys` is too small for what the policy remembers.' },
  historyFailures: { type: 'counter', name: 'thresher_policy_history_failures_total', help: 'Windows of which nothing is remembered for a policy, since what it remembers failed or took too long.', labels: ['policy'], seriesMax: 1000, row: 'policies', high: 'What a policy remembers failed or took too long; it decides without these windows.' },

  policyReloads: { type: 'counter', name: 'thresher_policy_reloads_total', help: 'Reloads of the policies, by result: loaded, unchanged (asked for and nothing was new) or refused (the old ones stay).', labels: ['result'], row: 'policies', high: 'Refused: files are wrong, and the old policies stay.' },
  policyReloadOk: { type: 'gauge', name: 'thresher_policy_last_reload_successful', help: 'Whether the policies that run are those of the files: 0 after the files were refused, else 1.', row: 'policies' },
  policyLoadTime: { type: 'gauge', name: 'thresher_policy_last_load_timestamp_seconds', help: 'When the newest policies were loaded, seconds since the Unix epoch.', row: 'policies' },
  policyGeneration: { type: 'gauge', name: 'thresher_policy_generation', help: 'Number of the newest set of policies that was loaded; the start\'s is 1.', row: 'policies' },
  policyGenerationInForce: { type: 'gauge', name: 'thresher_policy_generation_in_force', help: 'Number of the set of policies that decides windows; it follows when all slots of a window have what the newest reads.', labels: ['signal'], row: 'policies' },
  policySetInfo: { type: 'gauge', name: 'thresher_policy_set_info', help: 'Always 1; its label is a hash of the names and texts of the newest policies loaded.', labels: ['hash'], row: 'policies' },
  policyInfo: { type: 'gauge', name: 'thresher_policy_info', help: 'Always 1, one for each policy of the newest set; the hash is of its text.', labels: ['policy', 'signal', 'hash'], seriesMax: 1000, row: 'policies' },

  certificateTruth: { type: 'counter', name: 'thresher_certificate_truth_total', help: 'What the items that a policy means stood for when they came, over certified windows: the sum of their adjusted counts. Policy and key (all): what leaves, the whole window.', labels: ['signal', 'policy', 'key'], seriesMax: 2000, row: 'certificate' },
  certificateEstimate: { type: 'counter', name: 'thresher_certificate_estimate_total', help: 'What was kept of them says that they stood for.', labels: ['signal', 'policy', 'key'], seriesMax: 2000, row: 'certificate' },
  certificateVariance: { type: 'counter', name: 'thresher_certificate_variance_total', help: 'Horvitz-Thompson variance of that estimate: the truth is within 1.96 times its square root in 95 of 100 cases.', labels: ['signal', 'policy', 'key'], seriesMax: 2000, row: 'certificate', high: 'Estimates are less certain: samples are smaller, or weights more uneven.' },
  certificateLow: { type: 'gauge', name: 'thresher_certificate_window_low', help: 'Lower end of the 95 % interval of the last window.', labels: ['signal', 'policy', 'key'], seriesMax: 2000, row: 'certificate' },
  certificateHigh: { type: 'gauge', name: 'thresher_certificate_window_high', help: 'Upper end of it.', labels: ['signal', 'policy', 'key'], seriesMax: 2000, row: 'certificate' },
  certificateWindowZ: { type: 'gauge', name: 'thresher_certificate_window_z', help: 'How many standard deviations the estimate of the last window is above the truth.', labels: ['signal', 'policy', 'key'], seriesMax: 2000, row: 'certificate', high: 'Beyond 4 either way in one window of 15,000 where all is right.' },
  certificateZ: { type: 'gauge', name: 'thresher_certificate_z', help: 'The same over all windows; beyond 4 either way, counts are wrong.', labels: ['signal', 'policy', 'key'], seriesMax: 2000, row: 'certificate', high: 'Beyond 4 either way: counts are wrong, by a policy, or by who sampled before us.' },
  certificateAlarms: { type: 'counter', name: 'thresher_certificate_alarms_total', help: 'Times that a long-run z went beyond 4: counts that are too high (over), or short of what came (short).', labels: ['signal', 'policy', 'direction'], seriesMax: 1000, row: 'certificate', high: 'Counts are too high (over) or fall short (short).' },

  randomnessDistance: { type: 'gauge', name: 'thresher_randomness_distance', help: 'How far the randomness of traces that came as unsampled is from uniform: the share that is out of place. Key (all): all services.', labels: ['key'], seriesMax: 250, row: 'certificate', high: 'What comes as unsampled was sampled by something that does not say so, or has broken ids.' },
  randomnessSuspect: { type: 'gauge', name: 'thresher_randomness_suspect', help: 'Is 1 where that is more than chance: they were sampled by something that does not say so, or have broken ids.', labels: ['key'], seriesMax: 250, row: 'certificate', high: '1: that is more than chance.' },

  bufferedBytes: { type: 'gauge', name: 'thresher_buffered_bytes', help: 'Bytes of retained batches in open windows.', labels: ['signal'], row: 'windows', high: 'Longer windows, more traffic, or windows that are late.' },
  bufferedItems: { type: 'gauge', name: 'thresher_buffered_items', help: 'Items in open windows.', labels: ['signal'], row: 'windows', high: 'Longer windows, more traffic, or windows that are late.' },

  itemsExported: { type: 'counter', name: 'thresher_items_exported_total', help: 'Items that the next hop acknowledged.', labels: ['signal', 'exporter'], row: 'export' },
  itemsLost: { type: 'counter', name: 'thresher_items_lost_total', help: 'Items that an exporter gave up on, by reason.', labels: ['signal', 'exporter', 'reason'], row: 'export', high: 'Kept items are gone: the next hop refused them for good or was away too long.' },
  debugUnprinted: { type: 'counter', name: 'thresher_debug_items_unprinted_total', help: 'Items that a debug exporter took and did not print, since more came than items_max a second.', labels: ['exporter'], row: 'export' },
  exportRetries: { type: 'counter', name: 'thresher_export_retries_total', help: 'Batches that were sent again, by reason.', labels: ['signal', 'exporter', 'reason'], row: 'export', high: 'The next hop is slow, full or away.' },
  wireBytesSent: { type: 'counter', name: 'thresher_wire_bytes_sent_total', help: 'Bytes of sent messages as they went on the wire.', labels: ['signal', 'exporter'], row: 'export' },

  queueBytes: { type: 'gauge', name: 'thresher_export_queue_bytes', help: 'Bytes of kept batches that wait in an exporter\'s queue or are not acknowledged yet.', labels: ['exporter'], row: 'export', high: 'The next hop takes less than is kept: when the queue is full windows wait, and then the intake refuses.' },
  queueCapacityBytes: { type: 'gauge', name: 'thresher_export_queue_capacity_bytes', help: 'What the queue may hold (sending_queue.size_bytes).', labels: ['exporter'], row: 'export' },

  memoryHeldBytes: { type: 'gauge', name: 'thresher_memory_held_bytes', help: 'What counts against memory.limit: retained batches, tables and queues.', row: 'memory', high: 'At `memory.limit` senders are told to come again.' },
  memoryLimitBytes: { type: 'gauge', name: 'thresher_memory_limit_bytes', help: 'The limit of what is held (memory.limit), what `auto` came to.', row: 'memory' },
  memoryGrantedBytes: { type: 'gauge', name: 'thresher_memory_granted_bytes', help: 'What the control group (container, systemd unit) allows the process, or the machine\'s memory.', row: 'memory' },

  logLinesSuppressed: { type: 'counter', name: 'thresher_log_lines_suppressed_total', help: 'Log lines held back by the rate limit of their reason.', labels: ['reason'], row: 'process', high: 'The same is logged over and over.' },

  processResidentBytes: { type: 'gauge', name: 'process_resident_memory_bytes', help: 'Resident memory of the process.', row: 'memory', high: 'Near what the container may use, the kernel ends the process.' },
  processCpuSeconds: { type: 'counter', name: 'process_cpu_seconds_total', help: 'User and system CPU time of the process since its start.', row: 'process', high: 'One core decides and takes in; at 1 core the intake gives way.' },
  processStartTime: { type: 'gauge', name: 'process_start_time_seconds', help: 'When the process started, seconds since the Unix epoch.', row: 'process' },
  eventLoopDelaySeconds: { type: 'gauge', name: 'nodejs_eventloop_delay_p99_seconds', help: 'Delay of the main event loop since the last reading, 99th percentile.', row: 'process', high: 'The main thread is busy: answers to senders are late.' },
});
