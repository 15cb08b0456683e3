/** Envoy in a container: writes its files into RUN_DIR and becomes the Envoy binary; its settings are environment variables (README.md). */
import { accessSync, constants, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { readEnv } from '../proto/process/env.ts';
import { writeRendered } from './render.ts';
import { envoyProcess } from './settings.ts';

const { settings, bootstrap, binary, args, files } = envoyProcess(readEnv());

const require = (file: string, mode: number, advice: string): void => {
  try {
    accessSync(file, mode);
  } catch (cause) {
    throw new Error(`${file} can't be used: ${advice}`, { cause });
  }
};
for (const file of files) require(file, constants.R_OK, 'mount the Secret that holds it, readable for this user');
require(binary, constants.X_OK, 'set ENVOY_BIN to an Envoy 1.40 binary');
mkdirSync(dirname(bootstrap), { recursive: true, mode: 0o700 });
writeRendered(settings, bootstrap);
// The same process: signals reach Envoy itself, and no Node stays in memory beside it.
process.execve!(binary, [binary, ...args], process.env as Record<string, string>);
