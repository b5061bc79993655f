import { type HeadRates, parseRates } from './rates.ts';

/** Answers are some kilobytes: 256 operations with names of 256 characters are below this. */
const answerBytesMax = 1 << 20;

/** What the last usable answer said of itself. */
export interface Polled {
  /** Null: unchanged since `etag`. */
  readonly rates: HeadRates | null;
  readonly etag: string | null;
}

export interface PollTarget {
  /** With the service in its query. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** The address that is asked: `endpoint` with its `service`, escaped. An endpoint without a path is asked at /sampling. Throws TypeError for no URL. */
export function samplingUrl(endpoint: string, service: string): string {
  const url = new URL(endpoint);
  if (url.pathname === '/') url.pathname = '/sampling';
  url.searchParams.set('service', service);
  return url.href;
}

/** Asks once. Throws where `signal` ends it before there is an answer, where the answer is too large, not OK, or not of the protocol. */
export async function poll({ url, headers }: PollTarget, etag: string | null, signal: AbortSignal): Promise<Polled> {
  const response = await fetch(url, { headers: { accept: 'application/json', ...headers, ...(etag === null ? {} : { 'if-none-match': etag }) }, redirect: 'error', signal });
  if (response.status === 304) {
    await response.body?.cancel();
    return { rates: null, etag };
  }
  if (!response.ok) {
    await response.body?.cancel();
    throw new Error(`${url} answered with status ${response.status}`);
  }
  return { rates: parseRates(await boundedText(response)), etag: response.headers.get('etag') };
}

async function boundedText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`an answer of more than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
