import { setTimeout as sleep } from 'node:timers/promises';
import type { LoadCounts } from './load.ts';
import { NextHop } from './next-hop.ts';
import { Sender } from './sender.ts';
import { type SoakConfig, Thresher } from './thresher.ts';
import { spansOfRequest } from './traffic.ts';

/** What a scenario came to: numbers to be printed, and whether all is as it should be. */
export interface SoakResult {
  readonly numbers: { readonly [name: string]: number };
  readonly isRight: boolean;
}

export interface SoakTimes {
  /** Spans a second. */
  readonly rate: number;
  /** How long the next hop is away, or the load lasts, seconds. */
  readonly seconds: number;
  /** Before and after. */
  readonly aroundSeconds: number;
  /** Length of a window, and its wait. */
  readonly windowSeconds: number;
}

const windowsOf = ({ windowSeconds }: Pick<SoakTimes, 'windowSeconds'>): Pick<SoakConfig, 'windowLength' | 'decisionWait'> => ({ windowLength: `${windowSeconds}s`, decisionWait: `${windowSeconds}s` });
const settleSecondsMax = 120;
const sum = (counts: { readonly [name: string]: number }): number => Object.values(counts).reduce((all, count) => all + count, 0);
/** Requests that were answered so; of one whose sender went away within it nobody can be told. */
const requestsRefused = async (thresher: Thresher): Promise<number> => await thresher.metric('thresher_batches_refused_total')
  + await thresher.metric('thresher_requests_refused_total', 'protocol="http"') - await thresher.metric('thresher_requests_refused_total', 'reason="client_gone"');

/** Resolves when nothing waits on the disk and nothing new has come to the hop for longer than a window takes. */
async function settled(thresher: Thresher, hop: NextHop, windowSeconds: number): Promise<void> {
  let [requests, since] = [-1, thresher.second];
  const end = thresher.second + settleSecondsMax;
  while (thresher.second < end && thresher.second - since < 2 * windowSeconds + 3) {
    const waiting = await thresher.metric('thresher_export_waiting_windows') + await thresher.metric('thresher_export_queue_bytes');
    if (waiting > 0 || hop.requests !== requests) since = thresher.second;
    requests = hop.requests;
    await sleep(200);
  }
}

/** When, after its return, the next hop had all that waited for it: seconds. */
async function caughtUp(thresher: Thresher, limitSeconds: number): Promise<number> {
  const from = performance.now();
  while (await thresher.metric('thresher_export_waiting_windows') > 0 && performance.now() - from < limitSeconds * 1000) await sleep(200);
  return (performance.now() - from) / 1000;
}

interface Away {
  readonly counts: LoadCounts;
  readonly judged: ReturnType<NextHop['judge']>;
  readonly thresher: Thresher;
  readonly refusedByServer: number;
  readonly recoverySeconds: number;
  readonly storageMaxMiB: number;
  readonly exitCode: unknown;
  readonly awayFrom: number;
  readonly awayTo: number;
}

/** The next hop is away under load for a while, and comes back. */
async function away(times: SoakTimes, config: Partial<SoakConfig>): Promise<Away> {
  const { rate, seconds, aroundSeconds } = times;
  const hop = new NextHop();
  const thresher = new Thresher();
  await thresher.start({ ...windowsOf(times), durability: 'fsync', memoryLimit: '256MiB', hopPort: await hop.listen(), ...config });
  const sender = new Sender({ port: thresher.port, rate, inFlightMax: 64, resends: true, from: 0 });
  await sleep(aroundSeconds * 1000);
  const awayFrom = thresher.second;
  await hop.goAway();
  await sleep(seconds * 1000);
  const awayTo = thresher.second;
  await hop.listen();
  const recoverySeconds = await caughtUp(thresher, 10 * seconds + 60);
  await sleep(aroundSeconds * 1000);
  const counts = await sender.stop();
  await settled(thresher, hop, times.windowSeconds);
  const refusedByServer = await requestsRefused(thresher);
  const exitCode = await thresher.stop();
  await hop.goAway();
  return {
    counts, thresher, refusedByServer, recoverySeconds, exitCode, awayFrom, awayTo, judged: hop.judge(counts.acknowledged, spansOfRequest),
    storageMaxMiB: Math.max(...thresher.looks.map(({ storageMiB }) => storageMiB)),
  };
}

function numbersOf({ counts, judged, thresher, refusedByServer, recoverySeconds, storageMaxMiB, awayFrom, awayTo }: Away): SoakResult['numbers'] {
  return {
    acknowledgedSpans: counts.acknowledged.length * spansOfRequest, ...judged, refusedToldToSender: sum(counts.refused), refusedByServer, unanswered: counts.unanswered, skipped: counts.skipped,
    recoverySeconds: Math.round(recoverySeconds * 10) / 10, storageMaxMiB, rssBeforeMiB: thresher.rssMax(0, awayFrom), rssAwayMiB: thresher.rssMax(awayFrom, awayTo), rssAfterMiB: thresher.rssMax(awayTo),
  };
}

/** A next hop that is away: nothing that was acknowledged is lost, nobody is refused, memory stays as it is. */
export async function outage(times: SoakTimes): Promise<SoakResult> {
  const run = await away(times, { queue: '4MiB' });
  const { judged, counts, exitCode } = run;
  return { numbers: numbersOf(run), isRight: judged.missing === 0 && judged.wrong === 0 && sum(counts.refused) === 0 && counts.unanswered === 0 && exitCode === 0 };
}

/** The same with a log that is too small for it: senders are refused once it is full, all of them know it, and nothing that was acknowledged is lost. */
export async function quota(times: SoakTimes, storageLimit: string): Promise<SoakResult> {
  const run = await away(times, { queue: '2MiB', storageLimit });
  const { judged, counts, refusedByServer, exitCode } = run;
  const refused = sum(counts.refused);
  return { numbers: numbersOf(run), isRight: judged.missing === 0 && judged.wrong === 0 && refused > 0 && refused === refusedByServer && counts.unanswered === 0 && exitCode === 0 };
}

/** More than can be followed, by half: memory stays flat, and each refusal is told to its sender. */
export async function overload(times: Omit<SoakTimes, 'rate'>): Promise<SoakResult> {
  const { seconds, aroundSeconds } = times;
  const hop = new NextHop();
  const thresher = new Thresher();
  await thresher.start({ ...windowsOf(times), durability: 'none', memoryLimit: '256MiB', hopPort: await hop.listen() });
  const easy = new Sender({ port: thresher.port, rate: null, inFlightMax: 8, resends: true, from: 0 });
  await sleep(aroundSeconds * 1000);
  const found = await easy.stop();
  const followed = (found.acknowledged.length * spansOfRequest) / aroundSeconds;
  const refusedBefore = await requestsRefused(thresher);
  const from = thresher.second;
  const sender = new Sender({ port: thresher.port, rate: followed * 1.5, inFlightMax: 400, resends: false, from: found.acknowledged.reduce((last, first) => Math.max(last, first), 0) + 100 * spansOfRequest });
  await sleep(seconds * 1000);
  const to = thresher.second;
  const counts = await sender.stop();
  const refused = sum(counts.refused);
  const refusedByServer = await requestsRefused(thresher) - refusedBefore;
  await settled(thresher, hop, times.windowSeconds);
  const exitCode = await thresher.stop();
  await hop.goAway();
  const judged = hop.judge([...found.acknowledged, ...counts.acknowledged], spansOfRequest);
  const third = (to - from) / 3;
  const [early, late] = [thresher.rssMax(from, from + third), thresher.rssMax(to - third, to)];
  return {
    numbers: {
      followedSpansASecond: Math.round(followed), offeredSpansASecond: Math.round(followed * 1.5), sent: counts.sent, acknowledged: counts.acknowledged.length, refusedToldToSender: refused, refusedByServer,
      ...judged, unanswered: counts.unanswered, skipped: counts.skipped, rssFirstThirdMiB: early, rssLastThirdMiB: late, rssMaxMiB: thresher.rssMax(),
    },
    isRight: judged.missing === 0 && refused === refusedByServer && counts.unanswered === 0 && late < early * 1.1 && exitCode === 0,
  };
}
