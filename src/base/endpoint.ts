/** Where something listens or connects to. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port` or `[IPv6]:port` into its parts (the host without brackets); null where the text is neither. */
export function parseEndpoint(text: string): HostPort | null {
  const match = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([a-z0-9](?:[a-z0-9._-]*[a-z0-9])?)):(\d{1,5})$/i.exec(text);
  if (match === null) return null;
  const port = Number(match[3]);
  return port <= 65_535 ? { host: match[1] ?? match[2], port } : null;
}

/** The parts as one text, an IPv6 host in brackets. */
export function formatEndpoint({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether nobody but this machine can reach what listens on `host`: an address of the loopback, or localhost. A name that is looked up is not. */
export function isLoopbackHost(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || /^(::ffff:)?127(\.\d{1,3}){3}$/i.test(host);
}
