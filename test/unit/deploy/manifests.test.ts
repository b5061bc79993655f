import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { describe, expect, test } from 'vitest';
import { packageFile } from '../../../src/base/package-paths.ts';
import { parseDurationMs } from '../../../src/base/units.ts';
import { parseConfig } from '../../../src/config/load.ts';
import { openPolicies, readPolicyTexts } from '../../../src/policies.ts';

/** Of the manifests, what is looked at here. */
interface Container {
  readonly ports: readonly { readonly name: string }[];
  readonly securityContext: unknown;
  readonly resources: { readonly requests: { readonly memory: string }; readonly limits: { readonly memory: string } };
  readonly lifecycle?: { readonly preStop: { readonly sleep: { readonly seconds: number } } };
}

interface PodSpec {
  readonly terminationGracePeriodSeconds: number;
  readonly serviceAccountName?: string;
  readonly securityContext: unknown;
  readonly containers: readonly [Container];
}

interface Manifest {
  readonly kind?: string;
  readonly metadata: { readonly name: string };
  readonly rules?: readonly unknown[];
  readonly subjects?: readonly { readonly name: string }[];
  readonly spec: {
    readonly selector: { readonly matchLabels: object };
    readonly template: { readonly metadata: { readonly labels: object }; readonly spec: PodSpec };
    readonly ports: readonly { readonly targetPort: string }[];
    readonly serviceName?: string;
    readonly clusterIP?: string;
  };
}

interface Kustomization {
  readonly resources: readonly string[];
  readonly configMapGenerator?: readonly { readonly files: readonly string[] }[];
}

interface ComposeService {
  readonly image: string;
  readonly build?: { readonly context: string; readonly dockerfile: string };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly depends_on?: readonly string[] | object;
  readonly stop_grace_period?: string;
}

const deploy = (path: string): string => packageFile(join('config/deploy', path));
const read = (path: string): string => readFileSync(deploy(path), 'utf8');
const yaml = (path: string): unknown => parse(read(path), { merge: true });
const { services } = yaml('compose/compose.yaml') as { readonly services: Readonly<Record<string, ComposeService>> };

/** What the configuration, whose policies lie in `directory`, gives the end; and time for the process to leave. */
const drainMs = (path: string, directory: string): number => parseConfig({ text: read(path), name: path, environment: {}, directory: deploy(directory) }).shutdown.deadlineMs + 10_000;

describe('what ends the process waits until it has drained', () => {
  test('compose', () => {
    expect(parseDurationMs(services['thresher'].stop_grace_period ?? '0')).toBeGreaterThan(drainMs('compose/thresher/thresher.yaml', 'compose/thresher'));
  });

  test('systemd', () => {
    expect(parseDurationMs(String(/^TimeoutStopSec=(.*)$/m.exec(read('systemd/thresher.service'))?.[1]).replace('min', 'm'))).toBeGreaterThan(drainMs('docker/thresher.yaml', 'docker'));
  });

  test('Kubernetes, with the wait before it', () => {
    const { terminationGracePeriodSeconds, containers } = (yaml('kubernetes/statefulset.yaml') as Manifest).spec.template.spec;
    const preStopSeconds = containers[0].lifecycle?.preStop.sleep.seconds ?? 0;
    expect((terminationGracePeriodSeconds - preStopSeconds) * 1000).toBeGreaterThan(drainMs('kubernetes/thresher.yaml', 'kubernetes/policies'));
  });
});

describe.each([['docker/thresher.yaml', 'docker'], ['compose/thresher/thresher.yaml', 'compose/thresher'], ['kubernetes/thresher.yaml', 'kubernetes/policies']])('%s', (path, directory) => {
  const config = parseConfig({ text: read(path), name: path, environment: {}, directory: deploy(directory) });

  test('is a configuration, whose policies compile, one for traces and one for logs', async () => {
    const { policies } = await openPolicies(readPolicyTexts(config.policies.files));
    expect(policies.map(({ signal }) => signal).sort()).toEqual(['logs', 'traces']);
  });

  test('leaves memory to the container\'s limit, and listens where others reach it', () => {
    expect(config.memory.limit).toBe('auto');
    expect(config.http.endpoint).toBe('0.0.0.0:13133');
  });
});

describe('compose', () => {
  test('mounts what there is', () => {
    const mounted = Object.values(services).flatMap((service) => (service.volumes ?? []).map((volume) => volume.split(':')[0]));
    expect(mounted.length).toBeGreaterThan(5);
    expect(mounted.filter((path) => !existsSync(deploy(join('compose', path))))).toEqual([]);
    const { build } = services['thresher'];
    expect(build === undefined ? null : join(deploy('compose'), build.context, build.dockerfile)).toBe(deploy('docker/Dockerfile'));
  });

  test('names versions, publishes to this machine alone, and waits for services that there are', () => {
    for (const [name, service] of Object.entries(services)) {
      expect(service.image, name).toMatch(/:(?!latest)(\$\{\w+:-v?\d|local$)/);
      for (const port of service.ports ?? []) expect(port, name).toMatch(/^127\.0\.0\.1:/);
      const needed = service.depends_on ?? [];
      expect(Object.keys(services)).toEqual(expect.arrayContaining(Array.isArray(needed) ? [...needed] : Object.keys(needed)));
    }
  });

  test('sends from one to the next by their names', () => {
    expect(yaml('compose/collector.yaml')).toMatchObject({ exporters: { otlp_grpc: { endpoint: 'thresher:4317' } } });
    expect(yaml('compose/thresher/thresher.yaml')).toMatchObject({ exporters: { 'otlp/jaeger': { endpoint: 'jaeger:4317' } } });
    expect(yaml('compose/prometheus.yaml')).toMatchObject({ scrape_configs: [{ job_name: 'thresher', static_configs: [{ targets: ['thresher:13133'] }] }] });
  });
});

describe('Kubernetes', () => {
  const folders = ['kubernetes', 'kubernetes/collector', 'kubernetes/balancer', 'kubernetes/monitoring'];
  const workloads = [['StatefulSet', 'thresher'], ['Deployment', 'thresher-collector'], ['Deployment', 'thresher-balancer']] as const;
  const objects = globSync('**/*.yaml', { cwd: deploy('kubernetes') })
    .flatMap((path) => parseAllDocuments(read(join('kubernetes', path))).map((document) => document.toJS() as Manifest)).filter(({ kind }) => kind !== undefined);
  const named = (kind: string, name: string): Manifest => {
    const found = objects.find((object) => object.kind === kind && object.metadata?.name === name);
    if (found === undefined) throw new Error(`no ${kind} ${name}`);
    return found;
  };

  test('kustomizations list what there is, and every manifest is listed', () => {
    for (const folder of folders) {
      const { resources, configMapGenerator = [] } = yaml(join(folder, 'kustomization.yaml')) as Kustomization;
      const listed = [...resources, ...configMapGenerator.flatMap(({ files }) => files)];
      expect(listed.filter((path) => !existsSync(deploy(join(folder, path))))).toEqual([]);
      expect(globSync('*.yaml', { cwd: deploy(folder) }).filter((path) => path !== 'kustomization.yaml' && !listed.includes(path))).toEqual([]);
    }
  });

  test('selectors choose the pods, and services name ports that these have', () => {
    for (const [kind, name] of workloads) {
      const { metadata, spec: { template, selector } } = named(kind, name);
      expect(template.metadata.labels).toMatchObject(selector.matchLabels);
      const service = named('Service', metadata.name);
      expect(template.metadata.labels).toMatchObject(service.spec.selector);
      const ports = template.spec.containers[0].ports.map(({ name }) => name);
      expect(ports).toEqual(expect.arrayContaining(service.spec.ports.map(({ targetPort }) => targetPort)));
    }
    expect(named('StatefulSet', 'thresher').spec.serviceName).toBe('thresher');
    expect(named('Service', 'thresher').spec.clusterIP).toBe('None');
    expect(named('PodDisruptionBudget', 'thresher').spec.selector).toEqual(named('StatefulSet', 'thresher').spec.selector);
  });

  test('the balancer goes by trace id to the headless service, which it may watch', () => {
    expect(yaml('kubernetes/collector/config.yaml')).toMatchObject({
      exporters: { load_balancing: { routing_key: 'traceID', resolver: { k8s: { service: 'thresher', ports: [4317], return_hostnames: true } } } } });
    expect(named('Role', 'thresher-collector').rules).toEqual([{ apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] }]);
    expect(named('RoleBinding', 'thresher-collector').subjects?.[0].name).toBe(named('Deployment', 'thresher-collector').spec.template.spec.serviceAccountName);
  });

  test('so does a Thresher as balancer, which the samplers let in, and which outlasts what is under way', () => {
    const path = 'kubernetes/balancer/thresher.yaml';
    const { exporters, pipelines, shutdown } = parseConfig({ text: read(path), name: path, environment: {}, directory: '/' });
    const { windows } = parseConfig({ text: read('kubernetes/thresher.yaml'), name: 'thresher.yaml', environment: {}, directory: deploy('kubernetes/policies') });
    expect(exporters).toMatchObject([{ type: 'load_balancing', resolver: { dns: { hostname: named('Service', 'thresher').metadata.name, port: 4317 } } }]);
    for (const exporter of exporters) if (exporter.type === 'load_balancing') expect(exporter.handOverMs).toBeGreaterThanOrEqual(windows.traces.lengthMs + windows.traces.decisionWaitMs);
    expect([pipelines?.traces?.mode, pipelines?.logs?.mode]).toEqual(['pass', 'pass']);
    expect(JSON.stringify(named('NetworkPolicy', 'thresher'))).toContain(JSON.stringify(named('Deployment', 'thresher-balancer').spec.selector));
    const { terminationGracePeriodSeconds, containers } = named('Deployment', 'thresher-balancer').spec.template.spec;
    expect((terminationGracePeriodSeconds - (containers[0].lifecycle?.preStop.sleep.seconds ?? 0)) * 1000).toBeGreaterThan(shutdown.deadlineMs + 10_000);
  });

  test('pods run without rights', () => {
    for (const [kind, name] of workloads) {
      const { securityContext, containers: [container] } = named(kind, name).spec.template.spec;
      expect(securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } });
      expect(container.securityContext).toEqual({ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } });
      expect(container.resources.limits.memory).toBe(container.resources.requests.memory);
    }
  });
});

test('the systemd unit runs the package\'s program', () => {
  const unit = read('systemd/thresher.service');
  const { bin } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { bin: { thresher: string } };
  expect(unit).toMatch(new RegExp(`^ExecStart=/usr/bin/node .*/thresher/${bin.thresher.replaceAll('.', '\\.')} run --config /etc/thresher/thresher\\.yaml$`, 'm'));
  expect(unit).toMatch(/^ExecReload=\/bin\/kill -HUP \$MAINPID$/m);
  expect(dirname('/etc/thresher/thresher.yaml')).toBe(/^WorkingDirectory=(.*)$/m.exec(unit)?.[1]);
});
