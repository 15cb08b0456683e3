/** How soon a gateway goes by what somebody edited: the kubelet's part and its own, seen from inside of its pod. */
import { NODE } from './client-pod.ts';
import type { Release } from './release.ts';

export interface Arrival {
  readonly pod: string;
  /** Milliseconds from the edit until the kubelet had brought the file. */
  readonly fileMs: number;
  /** From there until the process said that it goes by it, or that it refuses it. */
  readonly policyMs: number;
}

const SCRIPT = `
const { readFileSync } = require('node:fs');
const [file, marker, limit] = process.argv.slice(1);
const config = async () => (await (await fetch('http://127.0.0.1:9002/health')).json()).parts.config;
const nap = () => new Promise((done) => setTimeout(done, 25));
(async () => {
  const before = JSON.stringify(await config());
  const end = Date.now() + Number(limit);
  while (!readFileSync('/run/config/' + file, 'utf8').includes(marker)) { if (Date.now() > end) process.exit(3); await nap(); }
  const fileAt = Date.now();
  while (JSON.stringify(await config()) === before) { if (Date.now() > end) process.exit(4); await nap(); }
  console.log(JSON.stringify({ fileAt, policyAt: Date.now() }));
})();
`;

/** Makes an edit while it watches every gateway; `marker` is in the edited file and wasn't before. */
export const arrivalOf = async (
  release: Release,
  edit: { readonly file: string; readonly marker: string; readonly make: () => Promise<unknown> },
): Promise<readonly Arrival[]> => {
  const pods = await release.pods('gateway');
  const limitMs = 150_000;
  const watches = pods.map(async ({ name }) => {
    const out = await release.space.exec(name, 'gateway', [NODE, '-e', SCRIPT, edit.file, edit.marker, String(limitMs)]);
    return { pod: name, ...(JSON.parse(out) as { fileAt: number; policyAt: number }) };
  });
  await new Promise((resolve) => setTimeout(resolve, 1500)); // until each has seen how it was
  const editedAt = Date.now();
  await edit.make();
  return (await Promise.all(watches)).map(({ pod, fileAt, policyAt }) => ({ pod, fileMs: fileAt - editedAt, policyMs: policyAt - fileAt }));
};

/** The `config` part of each gateway's health, and its metric. */
export const configHealth = async (
  release: Release,
): Promise<
  readonly {
    readonly status: string;
    readonly version: string;
    readonly refused: readonly string[];
    readonly current: string | undefined;
  }[]
> => {
  const script = `
    (async () => {
      const get = async (path) => await (await fetch('http://127.0.0.1:9002' + path)).text();
      const current = /^gateway_config_current (\\S+)/m.exec(await get('/metrics'))?.[1];
      console.log(JSON.stringify({ ...JSON.parse(await get('/health')).parts.config, current }));
    })();`;
  const pods = await release.pods('gateway');
  return Promise.all(pods.map(async ({ name }) => JSON.parse(await release.space.exec(name, 'gateway', [NODE, '-e', script]))));
};
