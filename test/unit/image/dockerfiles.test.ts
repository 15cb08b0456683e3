import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { APP, COMPONENTS, STOP_SIGNAL, USER } from '../../../local/image/table.ts';
import { PROJECT } from '../../../local/toolchain.ts';

interface Instruction {
  readonly name: string;
  readonly value: string;
}

/** The instructions of a Dockerfile without heredocs; continued lines are joined. */
const instructionsOf = (text: string): Instruction[] =>
  text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name, value] = /^([A-Z]+)\s+(.+)$/.exec(line) ?? [];
      if (name === undefined || value === undefined) throw new Error(`no instruction: ${line}`);
      return { name, value };
    });

const read = (path: string): Instruction[] => instructionsOf(readFileSync(join(PROJECT, path), 'utf8'));

/** The instructions of the last stage, with its FROM. */
const lastStage = (all: readonly Instruction[]): readonly Instruction[] => all.slice(all.findLastIndex(({ name }) => name === 'FROM'));

test('the table names every Dockerfile', () => {
  const found = globSync('{envoy,gateway,fhir,local,proto}/**/*Dockerfile', { cwd: PROJECT }).sort();
  assert.equal(found, COMPONENTS.map(({ dockerfile }) => dockerfile).sort());
});

for (const { name, dockerfile, command } of COMPONENTS) {
  test(`${dockerfile}: what it is built from is pinned by digest, and what it ships begins with nothing`, () => {
    const bases = read(dockerfile)
      .filter((each) => each.name === 'FROM')
      .map(({ value }) => value);
    assert.is(bases.at(-1), 'scratch');
    for (const base of bases.slice(0, -1)) assert.match(base, /^node:24\.\d+\.\d+-\w+@sha256:[0-9a-f]{64} AS build$/);
  });

  test(`${dockerfile}: it ships the root of ${name}, and starts it as the table says`, () => {
    assert.ok(read(dockerfile).some((each) => each.name === 'RUN' && each.value === `npm run image-roots -- /roots ${name}`));
    const stage = lastStage(read(dockerfile));
    const of = (instruction: string): string[] => stage.filter((each) => each.name === instruction).map(({ value }) => value);
    assert.equal(of('COPY'), [`--from=build /roots/${name} /`]);
    assert.equal(of('USER'), [USER]);
    assert.equal(of('WORKDIR'), [APP]);
    assert.equal(of('STOPSIGNAL'), [STOP_SIGNAL]);
    assert.equal(
      of('ENTRYPOINT').map((value) => JSON.parse(value) as unknown),
      [command],
    );
    // Nothing runs in it while it is built, and nothing is fetched into it.
    assert.equal([...of('RUN'), ...of('ADD'), ...of('ENV'), ...of('CMD')], []);
  });
}

test('all of them have the same first steps, so that these are built once', () => {
  const steps = COMPONENTS.map(({ dockerfile, name }) =>
    read(dockerfile)
      .slice(0, -6)
      .filter(({ value }) => !value.endsWith(`/roots ${name}`)),
  );
  assert.ok(steps[0]!.length > 5);
  for (const each of steps) assert.equal(each, steps[0]);
});

test('nothing that holds a secret or data goes into a build', () => {
  const ignored = readFileSync(join(PROJECT, '.dockerignore'), 'utf8').split('\n');
  for (const path of ['.portcullis', 'node_modules', '.git']) assert.ok(ignored.includes(path), path);
});

test.run();
