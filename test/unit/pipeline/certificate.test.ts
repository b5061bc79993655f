import { describe, expect, test } from 'vitest';
import { CertificateTally, verdictOf } from '../../../src/pipeline/certificate-tally.ts';
import { certificateLines, type CertificateLine } from '../../../src/pipeline/certificate.ts';
import { certificateText } from '../../../src/commands/certificate-text.ts';
import { realSeam } from '../../../src/base/seam.ts';
import { MetricsObserver } from '../../../src/pipeline/metrics-observer.ts';
import { noStamps } from '../../../src/pipeline/stamp-rows.ts';
import { createLogger } from '../../../src/telemetry/log.ts';
import { MetricRegistry } from '../../../src/telemetry/metrics.ts';
import { mulberry } from '../../support/mulberry.ts';

const seed = 7;

function line(change: Partial<CertificateLine> = {}): CertificateLine {
  return { policy: '(all)', key: '(all)', came: 100, truth: 100, estimate: 100, variance: 0, unitsKept: 100, ...change };
}

/** Windows of 40 units of 5 at p = 0.25; `factor` is what is wrong with their counts. */
function windowsOf(count: number, factor: number): CertificateLine[] {
  const random = mulberry(seed);
  return Array.from({ length: count }, () => {
    const kept = Array.from({ length: 40 }, random).filter((u) => u < 0.25).length;
    return line({ truth: 200, came: 200, estimate: kept * 20 * factor, variance: kept * 20 * 15, unitsKept: kept });
  });
}

describe('the long run', () => {
  const after = (lines: readonly CertificateLine[]): { alarms: number; verdict: string } => {
    const tally = new CertificateTally();
    const alarms = lines.reduce((sum, each) => sum + tally.add('traces', [each]).alarms.length, 0);
    return { alarms, verdict: [...tally.sums][0].verdict };
  };

  test('honest counts raise no alarm in 10,000 windows; counts 3 % off do, once', () => {
    expect(after(windowsOf(10_000, 1))).toEqual({ alarms: 0, verdict: 'fine' });
    expect(after(windowsOf(10_000, 1.03))).toEqual({ alarms: 1, verdict: 'over' });
    expect(after(windowsOf(10_000, 0.97))).toEqual({ alarms: 1, verdict: 'short' });
  });

  test('more than came where nothing can vary is an alarm at once; a handful that came out low is none', () => {
    expect(verdictOf(line({ estimate: 101, unitsKept: 3 }))).toBe('over');
    expect(verdictOf(line({ estimate: 20, variance: 100, unitsKept: 3 }))).toBe('fine');
    expect(verdictOf(line({ estimate: 0, unitsKept: 0 }))).toBe('fine');
  });

  test('keys beyond the bound go under one name', () => {
    const tally = new CertificateTally();
    for (let i = 0; i < 5000; i++) tally.add('logs', [line({ key: `service ${i}` })]);
    const sums = [...tally.sums];
    expect(sums.length).toBe(4001);
    expect(sums.find(({ key }) => key === '(others)')?.windows).toBe(1000);
  });
});

test('a policy that names all that it means is held against that, one that names its sample against all', () => {
  const came = new Map([['(all)', 100]]);
  const named = [{ place: 0, key: '(all)', sums: [40] }, { place: 1, key: '(all)', sums: [12] }];
  const lines = certificateLines(new Map([[0, { name: 'rule', namesAll: true }], [1, { name: 'reservoir', namesAll: false }]]), came, named, []);
  expect(lines.map(({ policy, truth }) => [policy, truth])).toEqual([['rule', 40], ['reservoir', 100]]);
});

test('the summary shows wholes, services, what is left out and alarms', () => {
  const tally = new CertificateTally();
  expect(certificateText(tally)).toBe('');
  tally.add('traces', [line({ came: 120, estimate: 130, variance: 25, unitsKept: 40 }), line({ key: 'shop', estimate: 90, variance: 100 })]);
  expect(certificateText(tally)).toBe(`
certificate  key    truth  estimate  95 % interval      z
(all)        (all)    100       130     120 to 140   6.00
(all)        shop     100        90      70 to 110  -1.00
  left out: items that stood for 20 of 120, which no policy names; they are in nobody's count
  ALARM what leaves, all keys: counts add up to 130 where 100 came; they are too high, and chance does not explain it
`);
});

test('an alarm is a metric and one line of the log; a certificate is counters and gauges', () => {
  const registry = new MetricRegistry();
  const written: string[] = [];
  const observer = new MetricsObserver(registry, createLogger({ seam: realSeam(), level: 'warn', format: 'json', write: (text) => written.push(text) }));
  const lies = line({ key: 'shop', estimate: 130, variance: 25, unitsKept: 40 });
  for (let window = 0; window < 3; window++) {
    observer.decided('traces', {
      slot: window, items: 100, truth: 100, services: [], outcomes: [], policies: [], kept: [], release: () => Promise.resolve(),
      certificate: [line(), lies], randomness: [{ key: '(all)', bins: Uint32Array.from({ length: 64 }, (_, bin) => (bin < 32 ? 20 : 0)) }],
    }, noStamps());
  }
  const text = registry.text();
  const labels = 'signal="traces",policy="(all)",key="shop"';
  expect(text).toContain(`thresher_certificate_truth_total{${labels}} 300`);
  expect(text).toContain(`thresher_certificate_estimate_total{${labels}} 390`);
  expect(text).toContain(`thresher_certificate_variance_total{${labels}} 75`);
  expect(text).toContain(`thresher_certificate_window_z{${labels}} 6`);
  expect(text).toContain('thresher_certificate_alarms_total{signal="traces",policy="(all)",direction="over"} 1');
  expect(text).toContain('thresher_randomness_suspect{key="(all)"} 1');
  expect(text).toContain('thresher_randomness_distance{key="(all)"} 0.5');
  expect(written.filter((each) => each.includes('certificate_over')).length).toBe(1);
  expect(written.filter((each) => each.includes('randomness_uneven')).length).toBe(1);
});
