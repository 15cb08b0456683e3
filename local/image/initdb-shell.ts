#!/usr/local/bin/node
/**
 * /bin/sh of the image postgres. initdb starts the server by the C library's popen() and system(), which both ask /bin/sh; this one
 * understands exactly those lines (`"…/postgres" ARGS < FILE > FILE 2>&1`) and starts nothing but the server. It expands nothing.
 */
import { spawnSync } from 'node:child_process';

const SERVER = '/usr/local/pgsql/bin/postgres';
const NOWHERE = '/dev/null';
// A word is a run of plain characters and quoted parts; what isn't a word, a space or one of these redirections is refused.
const TOKEN =
  /[ \t]+|(?<redirect>2>&1|[<>](?=[ \t]*(?:"\/dev\/null"|\/dev\/null)))|(?<word>(?:[\w./:=,+@%-]|"(?:[^"\\$`]|\\["\\$`])*"|'[^']*')+)/gy;

const unquote = (word: string): string =>
  word.replaceAll(/"((?:[^"\\]|\\.)*)"|'([^']*)'/g, (_, double?: string, single?: string) => single ?? double!.replaceAll(/\\(.)/g, '$1'));

const refuse = (why: string): never => {
  process.stderr.write(`sh: ${why}; in this image it starts ${SERVER} and nothing else\n`);
  process.exit(127);
};

const [flag, ...rest] = process.argv.slice(2);
const line = rest[0] === '--' ? rest[1] : rest[0];
if (flag !== '-c' || line === undefined) refuse('only -c COMMAND is known');

const words: string[] = [];
const redirects: string[] = [];
let end = 0;
for (const { 0: text, index, groups } of line!.matchAll(TOKEN)) {
  end = index + text.length;
  if (groups!['redirect']) redirects.push(groups!['redirect']);
  else if (groups!['word']) words.push(unquote(groups!['word']));
}
if (end !== line!.length) refuse(`not understood from "${line!.slice(end, end + 20)}" on`);
const [program, ...args] = words.filter((word) => word !== NOWHERE);
if (program !== SERVER) refuse(`${program ?? 'nothing'} is not to be started`);

const quiet = redirects.includes('>');
const { status, signal } = spawnSync(SERVER, args, {
  stdio: [
    redirects.includes('<') ? 'ignore' : 'inherit',
    quiet ? 'ignore' : 'inherit',
    quiet && redirects.includes('2>&1') ? 'ignore' : 'inherit',
  ],
});
process.exit(signal === null ? (status ?? 127) : 1);
