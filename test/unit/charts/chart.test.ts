import * as assert from 'uvu/assert';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { suite } from 'uvu';
import { parse, parseAllDocuments } from 'yaml';
import { LEADER_LOCK } from '../../../fhir/audit/relay.ts';
import { parseClients } from '../../../gateway/clients/registry.ts';
import { parseQuotas } from '../../../gateway/quota/limits.ts';
import { PROJECT } from '../../../local/toolchain.ts';
import { CHART, findProgram, lintChart, renderChart } from '../../support/helm.ts';

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
// Manifests are read as they come: a missing member is a failed test.
// oxlint-disable-next-line typescript/no-explicit-any
type Manifest = any;

const test = suite('chart');
const helm = findProgram('helm');
const VALUES = globSync(join(CHART, 'ci/*.yaml')).sort();
const REFUSED = globSync(join(CHART, 'ci/refused/*.yaml')).sort();

const documents = (output: string): Manifest[] =>
  parseAllDocuments(output).flatMap((document) => {
    const value = document.toJS() as Manifest;
    return value === null ? [] : [value];
  });

interface Pod {
  readonly name: string;
  readonly component: string;
  readonly spec: Manifest;
}

const podsOf = (manifests: readonly Manifest[]): Pod[] =>
  manifests.flatMap(({ kind, metadata, spec }) => {
    const template = kind === 'Pod' ? { metadata, spec } : spec?.template;
    if (template?.spec?.containers === undefined) return [];
    return [
      {
        name: `${kind} ${metadata.name}`,
        component: template.metadata.labels['app.kubernetes.io/component'] as string,
        spec: template.spec,
      },
    ];
  });

const containersOf = ({ spec }: Pod): Manifest[] => [...(spec.initContainers ?? []), ...spec.containers];

test('has the version of the project', () => {
  const { version, appVersion } = parse(readFileSync(join(CHART, 'Chart.yaml'), 'utf8')) as Record<string, string>;
  const project = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string };
  assert.is(version, project.version);
  assert.is(appVersion, project.version);
});

test('documents every value', () => {
  const readme = readFileSync(join(CHART, 'README.md'), 'utf8');
  const values = parse(readFileSync(join(CHART, 'values.yaml'), 'utf8')) as Json;
  const paths = (value: Json, path: string): string[] => {
    const isGroup = value !== null && typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length > 0;
    if (!isGroup || readme.includes(`\`${path}\``)) return [path];
    return Object.entries(value).flatMap(([key, inner]) => paths(inner, path === '' ? key : `${path}.${key}`));
  };
  assert.equal(
    paths(values, '').filter((path) => !readme.includes(`\`${path}\``)),
    [],
  );
});

test('has a runbook for every alert', () => {
  const runbooks = readFileSync(join(CHART, 'RUNBOOKS.md'), 'utf8');
  const alerts = [...readFileSync(join(CHART, 'files/alerts.yaml'), 'utf8').matchAll(/^- alert: (\S+)/gm)].map(([, name]) => name!);
  assert.ok(alerts.length > 5);
  assert.ok(runbooks.includes(`objid::bigint = ${LEADER_LOCK}`), "the relay's lock and no other is ended by hand");
  for (const alert of alerts) assert.ok(runbooks.includes(`\n## ${alert}\n`), `${alert} has no runbook`);
});

if (helm === undefined) {
  test('could not be rendered', () => {
    console.log('skipped: there is no helm on PATH, so the chart was not linted and not rendered');
  });
} else {
  for (const file of VALUES) {
    const name = basename(file);
    const rendered = (): Manifest[] => {
      const { output, refusal } = renderChart(helm, [file]);
      if (refusal !== undefined) throw new Error(refusal);
      return documents(output);
    };

    test(`${name} is linted without a warning`, () => {
      assert.match(lintChart(helm, file), /0 chart\(s\) failed/);
    });

    test(`${name} gives every pod the restricted profile, bounds and no token`, () => {
      const pods = podsOf(rendered());
      assert.ok(pods.length >= 6);
      for (const pod of pods) {
        const { spec } = pod;
        assert.is(spec.securityContext.runAsNonRoot, true, pod.name);
        assert.is(spec.securityContext.seccompProfile.type, 'RuntimeDefault', pod.name);
        assert.is(spec.automountServiceAccountToken, false, pod.name);
        assert.is(spec.enableServiceLinks, false, pod.name);
        assert.is.not(spec.serviceAccountName ?? 'default', 'default', pod.name);
        for (const container of containersOf(pod)) {
          const at = `${pod.name}/${container.name}`;
          assert.equal(
            container.securityContext,
            { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: ['ALL'] } },
            at,
          );
          assert.ok(container.resources.requests.cpu && container.resources.requests.memory && container.resources.limits.memory, at);
          assert.match(container.image, /[:@](?!latest$)[^:@/]+$/, at);
          assert.ok(Array.isArray(container.command), at);
        }
      }
    });

    test(`${name} lets each pod see only the secrets that it works with`, () => {
      const mounted = new Map<string, Set<string>>();
      const manifests = rendered();
      const secretOf = (component: string): Set<string> => {
        const known = mounted.get(component) ?? new Set<string>();
        mounted.set(component, known);
        return known;
      };
      for (const pod of podsOf(manifests)) {
        const seen = secretOf(pod.component);
        for (const volume of pod.spec.volumes ?? []) if (volume.secret) seen.add(volume.secret.secretName as string);
        for (const { env = [] } of containersOf(pod))
          for (const { valueFrom } of env)
            if (valueFrom?.secretKeyRef) seen.add(`${valueFrom.secretKeyRef.name}/${valueFrom.secretKeyRef.key}`);
      }
      const who = (part: RegExp): string[] =>
        [...mounted].filter(([, seen]) => [...seen].some((each) => part.test(each))).map(([component]) => component);
      assert.equal(who(/audit-signing/), ['relay']);
      assert.equal(who(/identity/).sort(), ['fhir', 'gateway']);
      assert.equal(who(/\/fhir_app$/), ['fhir']);
      assert.equal(who(/\/gateway_audit$/), ['gateway']);
      assert.equal(who(/\/audit_relay$/), ['relay']);
      // The database's owner: its server, where the chart brings it, keeps the same password.
      assert.equal(
        who(/\/owner$|database-owner|-db-app/).filter((component) => component !== 'postgres'),
        ['migrate'],
      );
      assert.equal(who(/^p-portcullis-(internal-)?ca$/), []);
    });

    test(`${name} closes every pod in both directions and gives it a policy of its own`, () => {
      const manifests = rendered();
      const policies = manifests.filter(({ kind }) => kind === 'NetworkPolicy');
      const deny = policies.find(({ metadata }) => metadata.name === 'p-portcullis-default-deny');
      assert.equal(deny.spec.policyTypes, ['Ingress', 'Egress']);
      assert.is(deny.spec.ingress ?? deny.spec.egress, undefined);
      for (const pod of podsOf(manifests)) {
        const own = policies.filter(({ spec }) => spec.podSelector.matchLabels['app.kubernetes.io/component'] === pod.component);
        assert.is(own.length >= 1, true, pod.name);
      }
    });

    test(`${name} keeps a Deployment through a drain`, () => {
      const manifests = rendered();
      for (const { metadata, spec } of manifests.filter(({ kind }) => kind === 'Deployment')) {
        const budget = manifests.find(({ kind, metadata: { name: of } }) => kind === 'PodDisruptionBudget' && of === metadata.name);
        assert.is(budget.spec.unhealthyPodEvictionPolicy, 'AlwaysAllow', metadata.name);
        assert.equal(budget.spec.selector, spec.selector);
        const scaler = manifests.find(
          ({ kind, spec: of }) => kind === 'HorizontalPodAutoscaler' && of.scaleTargetRef.name === metadata.name,
        );
        assert.is(spec.replicas === undefined, scaler !== undefined, `${metadata.name} has either replicas or an autoscaler`);
        for (const container of spec.template.spec.containers)
          for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe'])
            assert.ok(container[probe], `${container.name}: ${probe}`);
      }
    });
  }

  test('seeds an evaluation with a registry and quotas that the gateway takes', () => {
    const manifests = documents(renderChart(helm, []).output);
    const file = (name: string): string =>
      manifests.find(({ kind, metadata }) => kind === 'ConfigMap' && metadata.name === `p-portcullis-${name}`).data[`${name}.yaml`];
    assert.equal([...parseClients(file('clients'), 'clients.yaml').clients.keys()], ['ehr-demo', 'helm-test']);
    assert.is(parseQuotas(file('quotas'), 'quotas.yaml').limits.length, 2);
  });

  for (const file of REFUSED) {
    test(`refuses ${basename(file, '.yaml')}`, () => {
      const [, expected] = /^# refused: (.+)$/m.exec(readFileSync(file, 'utf8'))!;
      const { output, refusal } = renderChart(helm, [file]);
      assert.is(output, '');
      assert.ok(refusal?.includes(expected!), `helm said: ${refusal}`);
    });
  }
}

test.run();
