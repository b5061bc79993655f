import { describe, expect, test } from 'vitest';
import { ConfigError, parseConfig, type ThresherConfig } from '../../../src/config/load.ts';

function parsed(text: string, receiver = 'grpc: {}'): ThresherConfig {
  return parseConfig({ text: `receivers: { otlp: { ${receiver} } }\npolicies: package:package.json\nexporters: { debug: {} }\n${text}`, name: 'test.yaml', directory: '/', environment: {} });
}

/** The lines of the error that the configuration gives. */
function complaints(text: string, receiver?: string): string[] {
  try {
    parsed(text, receiver);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split('\n').slice(1).map((line) => line.trim());
    throw error;
  }
  return [];
}

describe('the horizon of decisions', () => {
  const windows = 'windows: { traces: { length: 10m, decision_wait: 5m } }\n';

  test('is at least a window and its wait', () => {
    expect(complaints(`${windows}decision_cache: { horizon: 14m }`)).toEqual([
      'test.yaml:5: decision_cache.horizon: is shorter than windows.traces.length and decision_wait together; write at least 15m, or leave it out']);
    expect(parsed(`${windows}decision_cache: { horizon: 15m }`).decisionCache.horizonMs).toBe(900_000);
    expect(parsed(windows).decisionCache.horizonMs).toBeNull();
  });

  test('past it go policy, fallback or drop', () => {
    expect(parsed('late_spans: { past_horizon: fallback, probability: 0.1 }').lateSpans).toEqual({ pastHorizon: 'fallback', probability: 0.1 });
    expect(complaints('late_spans: { past_horizon: keep, probability: 2 }')).toHaveLength(2);
  });
});

describe('early decisions', () => {
  test('wait after the root for less than without it', () => {
    expect(complaints('windows: { traces: { decision_wait: 5s, decision_wait_after_root: 5s } }')).toEqual([
      'test.yaml:4: windows.traces.decision_wait_after_root: is not shorter than decision_wait, so that it would decide nothing']);
    expect(parsed('windows: { traces: { decision_wait_after_root: 2s, max_spans: 10, max_bytes: 1MiB } }').windows.traces)
      .toMatchObject({ decisionWaitAfterRootMs: 2000, spansMax: 10, bytesMax: 2 ** 20 });
  });

  test('cannot go with linked traces', () => {
    expect(complaints('windows: { traces: { max_spans: 10, max_bytes: 1MiB, decide_at_once: true, linked: { span_links: true } } }').map((line) => line.slice(0, 50))).toEqual([
      'test.yaml:4: windows.traces.decide_at_once: cannot', 'test.yaml:4: windows.traces.max_spans: cannot go w', 'test.yaml:4: windows.traces.max_bytes: cannot go w']);
  });

  test('cannot go with what the root says of unknown input, and rates that were served need the service', () => {
    const unknown = 'grpc: {}, input_without_threshold: unknown';
    expect(complaints('windows: { traces: { max_spans: 10, unknown_input: root } }', unknown).map((line) => line.slice(0, 50))).toEqual(['test.yaml:4: windows.traces.max_spans: cannot go w']);
    expect(complaints('windows: { traces: { unknown_input: served } }', unknown)).toEqual(['test.yaml:4: windows.traces.unknown_input: needs the section head, which serves the rates; write head: {}']);
    expect(complaints('head: {}\nwindows: { traces: { unknown_input: served } }', unknown)).toEqual([]);
    expect(complaints('windows: { traces: { unknown_input: root } }').map((line) => line.slice(0, 60))).toEqual(['test.yaml:4: windows.traces.unknown_input: does nothing with']);
  });

  test('sessions are longer than the wait, and no root ends them', () => {
    expect(parsed('windows: { traces: { session_gap: 10s } }').windows.traces).toMatchObject({ sessionGapMs: 10_000, sessionMaxMs: 300_000 });
    expect(complaints('windows: { traces: { session_gap: 10s, session_max: 30s, decision_wait_after_root: 1s } }').map((line) => line.slice(0, 60))).toEqual([
      'test.yaml:4: windows.traces.session_gap: cannot go with decis', 'test.yaml:4: windows.traces.session_max: is not longer than d'].map((line) => line.slice(0, 60)));
    expect(complaints('windows: { traces: { session_gap: 10s, session_max: 1h } }\ndecision_cache: { horizon: 30m }')[0]).toContain('write at least 1h10s');
  });

  test('go with durability', () => {
    expect(complaints('durability: fsync\nstorage: { directory: /data }\nwindows: { traces: { decision_wait_after_root: 1s } }')).toEqual([]);
  });
});
