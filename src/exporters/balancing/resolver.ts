import { lookup } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { formatEndpoint, parseEndpoint } from '../../base/endpoint.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import { FileWatch } from '../../base/file-watch.ts';
import type { Seam } from '../../base/seam.ts';
import type { Logger } from '../../telemetry/log.ts';

/** Finds members. `start` tells `onMembers` of them, `host:port` each, at least one and in a fixed order, whenever they have changed. */
export interface Resolver {
  start(onMembers: (endpoints: readonly string[]) => void): void;
  stop(): Promise<void>;
}

export interface ResolverTools {
  readonly seam: Seam;
  readonly log: Logger;
  /** What messages call the exporter. */
  readonly name: string;
}

/** How often a file is looked at where the file system tells nothing, and how long it must rest before it is read. */
const filePollMs = 2000;
const fileSettleMs = 50;

export function staticResolver(endpoints: readonly string[]): Resolver {
  return { start: (onMembers) => onMembers(endpoints), stop: () => Promise.resolve() };
}

/** Members of a file, one `host:port` a line; blank lines and those that begin with # are left out. Throws CodedError `bad_members` where a line is something else, one is named twice, or none is there. */
export function readMembers(text: string): readonly string[] {
  const lines = text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'));
  const wrong = lines.find((line) => parseEndpoint(line) === null) ?? lines.find((line, index) => lines.indexOf(line) < index);
  if (wrong !== undefined) throw new CodedError('INVALID_ARGUMENT', 'bad_members', `expected a member a line, host:port, each once, got "${wrong.slice(0, 100)}"`);
  if (lines.length === 0) throw new CodedError('INVALID_ARGUMENT', 'bad_members', 'no member is named');
  return lines;
}

/** Members of a file that is watched. Throws where it cannot be used now; later that is logged, and the members stay. */
export function fileResolver(path: string, { seam, log, name }: ResolverTools): Resolver {
  const read = (): readonly string[] => readMembers(readFileSync(path, 'utf8'));
  const first = read();
  let watch: FileWatch | null = null;
  return {
    start: (onMembers) => {
      const tell = onChanges(onMembers);
      tell(first);
      watch = new FileWatch({ seam, find: () => [path], directories: () => [dirname(resolve(path))], pollMs: filePollMs, settleMs: fileSettleMs, onChange: async () => {
        try {
          tell(read());
        } catch (error) {
          log.error('members_unusable', `${path} cannot be used, and the members stay: ${messageOf(error)}`, { exporter: name });
        }
      } });
      watch.start();
    },
    stop: async () => watch?.stop(),
  };
}

export interface DnsQuery {
  readonly hostname: string;
  readonly port: number;
  readonly intervalMs: number;
  /** Addresses of a name; by default as the system looks names up. */
  readonly addressesOf?: (hostname: string) => Promise<readonly string[]>;
}

/** All addresses of a name, looked up at intervals. Where none is found the members stay. */
export function dnsResolver({ hostname, port, intervalMs, addressesOf = addressesOfSystem }: DnsQuery, { seam, log, name }: ResolverTools): Resolver {
  const stop = new AbortController();
  const look = async (tell: (endpoints: readonly string[]) => void): Promise<void> => {
    try {
      const addresses = await addressesOf(hostname);
      if (addresses.length === 0) throw new Error('it has no address');
      if (!stop.signal.aborted) tell([...new Set(addresses)].map((host) => formatEndpoint({ host, port })).sort());
    } catch (error) {
      log.warn('members_unresolved', `${hostname} cannot be looked up, and the members stay: ${messageOf(error)}`, { exporter: name });
    }
  };
  const run = async (tell: (endpoints: readonly string[]) => void): Promise<void> => {
    while (!stop.signal.aborted) {
      await look(tell);
      await seam.sleepMs(intervalMs, stop.signal).catch(() => undefined);
    }
  };
  return {
    start: (onMembers) => void run(onChanges(onMembers)),
    stop: async () => stop.abort(),
  };
}

async function addressesOfSystem(hostname: string): Promise<readonly string[]> {
  return (await lookup(hostname, { all: true })).map(({ address }) => address);
}

function onChanges(onMembers: (endpoints: readonly string[]) => void): (endpoints: readonly string[]) => void {
  let known = '';
  return (endpoints) => {
    const now = endpoints.join('\n');
    if (now === known) return;
    known = now;
    onMembers(endpoints);
  };
}
