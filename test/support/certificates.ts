import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// X.509 v3 (RFC 5280) as DER, just what a test needs: so that certificates of every kind, expired ones too, are there without the openssl program.

/** A certificate and its key, as PEM. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
}

export interface CertificateOptions {
  /** Subject's common name, and for a host its DNS name too. */
  readonly name: string;
  /** Days from now; default from yesterday to in two days. */
  readonly fromDays?: number;
  readonly toDays?: number;
}

const oids = {
  commonName: [0x55, 0x04, 0x03], ecdsaSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
  basicConstraints: [0x55, 0x1d, 0x13], subjectAltName: [0x55, 0x1d, 0x11],
} as const;

function der(tag: number, ...contents: readonly (Uint8Array | readonly number[])[]): Buffer {
  const body = Buffer.concat(contents.map((content) => Buffer.from(content)));
  const { length } = body;
  const header = length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(header), body]);
}

const sequence = (...contents: readonly Uint8Array[]): Buffer => der(0x30, ...contents);
const oid = (bytes: readonly number[]): Buffer => der(0x06, bytes);
const nameOf = (text: string): Buffer => sequence(der(0x31, sequence(oid(oids.commonName), der(0x0c, Buffer.from(text)))));
const algorithm = sequence(oid(oids.ecdsaSha256));

function time(days: number): Buffer {
  const digits = new Date(Date.now() + days * 86_400_000).toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return der(0x18, Buffer.from(`${digits}Z`));
}

function extension(id: readonly number[], isCritical: boolean, value: Buffer): Buffer {
  return sequence(oid(id), ...(isCritical ? [der(0x01, [0xff])] : []), der(0x04, value));
}

function pem(kind: string, bytes: Uint8Array): string {
  return `-----BEGIN ${kind}-----\n${(Buffer.from(bytes).toString('base64').match(/.{1,64}/g) ?? []).join('\n')}\n-----END ${kind}-----\n`;
}

/** Signs `publicKey` as `options` say, in the name of `issuer`. */
function certificateOf(options: CertificateOptions, publicKey: KeyObject, isAuthority: boolean, issuer: { readonly name: string; readonly key: KeyObject }): string {
  const { name, fromDays = -1, toDays = 2 } = options;
  const extensions = isAuthority
    ? [extension(oids.basicConstraints, true, sequence(der(0x01, [0xff])))]
    : [extension(oids.subjectAltName, false, sequence(der(0x82, Buffer.from(name)), der(0x87, [127, 0, 0, 1])))];
  const signed = sequence(
    der(0xa0, der(0x02, [2])), der(0x02, [1, ...randomBytes(8)]), algorithm, nameOf(issuer.name), sequence(time(fromDays), time(toDays)), nameOf(name),
    publicKey.export({ type: 'spki', format: 'der' }), der(0xa3, sequence(...extensions)));
  return pem('CERTIFICATE', sequence(signed, algorithm, der(0x03, [0], sign('sha256', signed, issuer.key))));
}

/** One who signs certificates. */
export class Authority {
  readonly name: string;
  /** Its own certificate, PEM. */
  readonly certificate: string;
  readonly #key: KeyObject;

  constructor(name: string) {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    this.name = name;
    this.#key = privateKey;
    this.certificate = certificateOf({ name }, publicKey, true, { name, key: privateKey });
  }

  /** A certificate for a host or a client, good for `name` and 127.0.0.1. */
  issue(options: CertificateOptions): Certified {
    const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
    const certificate = certificateOf(options, publicKey, false, { name: this.name, key: this.#key });

    return { certificate, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
  }
}

/** Files of a test in a directory of their own. */
export class TestFiles {
  readonly directory = mkdtempSync(join(tmpdir(), 'thresher-security-'));

  /** Writes a file and gives its path. */
  write(name: string, text: string): string {
    const path = join(this.directory, name);
    writeFileSync(path, text);
    return path;
  }

  read(path: string): string {
    return readFileSync(path, 'utf8');
  }

  /** Writes NAME.crt and NAME.key. */
  certified(name: string, { certificate, key }: Certified): { readonly cert: string; readonly key: string } {
    return { cert: this.write(`${name}.crt`, certificate), key: this.write(`${name}.key`, key) };
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}
