import { describe, expect, test } from 'vitest';
import { seededSeam } from '../../../src/base/seam.ts';
import { liveLines } from '../../../src/commands/live-table.ts';
import { ProgressBar } from '../../../src/commands/progress-bar.ts';
import { replaySummary } from '../../../src/commands/replay-summary.ts';
import { noStamps } from '../../../src/pipeline/stamp-rows.ts';
import { TallyObserver } from '../../../src/pipeline/tally.ts';

function observed(): TallyObserver {
  const tally = new TallyObserver();
  tally.accepted('traces', { items: 1000, taken: null });
  tally.bySignal.traces.truth = 4000;
  const service = (name: string, items: number) => ({ name, items, truth: items * 4, kept: items / 10, estimate: items * 4.2 });
  tally.decided('traces', { slot: 1, items: 900, truth: 3600, services: [service('cart', 600), service('pay', 300)], kept: [], outcomes: [], policies: [], certificate: [], release: () => Promise.resolve() },
    { ...noStamps(), kept: 90, estimate: 3780, contradicted: 2 });
  tally.late('traces', { ...noStamps(), kept: 10, estimate: 42 }, 5);
  return tally;
}

describe('the live table', () => {
  test('shows what came, what is kept and what that says', () => {
    expect(liveLines(observed(), { grpc: ['127.0.0.1:4317'], otlpHttp: ['127.0.0.1:4318'], http: '127.0.0.1:13133' }, 61.4).map((line) => line.trimEnd())).toEqual([
      'thresher  OTLP and OTAP on 127.0.0.1:4317, OTLP/HTTP on 127.0.0.1:4318   http://127.0.0.1:13133/metrics   up 61 s   Ctrl-C ends',
      '',
      'signal                           in       kept      share   estimate      truth      error',
      'spans                           900        100     11.1 %       3822       3600      6.2 %',
      'log records                       0          0                     0          0',
      '                               100  wait for their window',
      '',
      'service (decided spans)          in       kept      share   estimate      truth      error',
      'cart                            600         60     10.0 %       2520       2400      5.0 %',
      'pay                             300         30     10.0 %       1260       1200      5.0 %',
    ]);
  });

  test('counts services beyond the bound together', () => {
    const tally = new TallyObserver();
    const services = Array.from({ length: 500 }, (_, index) => ({ name: `s${index}`, items: 1, truth: 1, kept: 1, estimate: 1 }));
    tally.decided('traces', { slot: 1, items: 500, truth: 500, services, kept: [], outcomes: [], policies: [], certificate: [], release: () => Promise.resolve() }, noStamps());
    expect(tally.services.size).toBe(201);
    expect(tally.services.get('(others)')).toMatchObject({ items: 300 });
    expect(liveLines(tally, { grpc: [], otlpHttp: [], http: '' }, 0).at(-1)).toBe('and 181 more');
  });
});

test('the summary of a replay adds up', () => {
  const lines = replaySummary({ observer: observed(), bytesIn: 2048, bytesOut: 100, seconds: 2 }).split('\n');
  expect(lines).toEqual([
    'windows            1', 'spans in           1000', 'kept               100 (10.00 %)', 'dropped            900', 'true count         4000.0', 'estimated count    3822.0, -4.450 %',
    'late, kept         10', 'late, dropped      5', 'contradicted       2 spans kept whose threshold contradicted their randomness',
    'bytes in           2048 (2KiB)', 'bytes out          100 (100B)', 'time               2.00 s, 500 spans/s', '',
  ]);
});

test('the progress bar draws on terminals only, and cleans up', () => {
  const seam = seededSeam(1);
  const drawn = (isTTY: boolean): string[] => {
    const out: string[] = [];
    const bar = new ProgressBar({ write: (text) => out.push(text), isTTY, columns: 50 }, seam);
    for (const share of [0, 0.25, 0.5, 1]) {
      seam.advanceMs(1000);
      bar.update(share);
      bar.update(share);
    }
    bar.end();
    return out;
  };
  expect(drawn(false)).toEqual([]);
  expect(drawn(true)).toEqual([
    '\r[....................]   0 %  0 s left  ', '\r[#####...............]  25 %  6 s left  ', '\r[##########..........]  50 %  3 s left  ', '\r[####################] 100 %  0 s left  ', '\r\u001b[K',
  ]);
});
