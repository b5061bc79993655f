import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { startApp } from '../../src/app.ts';
import { realSeam } from '../../src/base/seam.ts';
import { parseConfig } from '../../src/config/load.ts';
import { silentLogger } from '../../src/telemetry/log.ts';

test('what cannot start leaves nothing behind that goes on, exporters neither', async () => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  const address = taken.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const text = `receivers: { otlp: { grpc: { endpoint: 127.0.0.1:0 } } }
exporters: { load_balancing: { resolver: { dns: { hostname: localhost } }, protocol: { otlp: { tls: { insecure: true } } } } }
pipelines: { traces: { mode: pass, receivers: [otlp], exporters: [load_balancing] } }
http: { endpoint: 127.0.0.1:${port} }`;
  let sleeping = 0;
  const real = realSeam();
  const seam = { ...real, sleepMs: (ms: number, signal?: AbortSignal) => {
    sleeping++;
    return real.sleepMs(ms, signal).finally(() => { sleeping--; });
  } };
  await expect(startApp(parseConfig({ text, name: 'test', environment: {}, directory: '/' }), silentLogger, { seam })).rejects.toThrow('cannot listen');
  expect(sleeping).toBe(0);
  await new Promise((resolve) => taken.close(resolve));
});
