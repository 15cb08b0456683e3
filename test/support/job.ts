import { request as httpsRequest } from 'node:https';
import * as assert from 'uvu/assert';
import { type Answer, eventually, type Stack } from './stack.ts';

/** Asks at the address of a job until it is done; its last answer. */
export const jobDone = async (stack: Stack, begun: Answer, { client = 'ehr-demo', limitMs = 60_000 } = {}): Promise<Answer> => {
  assert.is(begun.status, 202, begun.text);
  const address = begun.headers['content-location'] as string;
  let answer: Answer | undefined;
  await eventually(
    'the job is done',
    async () => {
      // While a server is killed and started again nobody answers.
      answer = await stack.request(address, { client }).catch(() => undefined);
      return answer !== undefined && answer.status !== 202 && answer.status !== 503;
    },
    limitMs,
  );
  return answer!;
};

/** The bytes of a file as they come, and their headers. */
export const fetchBytes = (
  stack: Stack,
  url: string,
  { client = 'ehr-demo', headers = {} }: { readonly client?: string; readonly headers?: Readonly<Record<string, string>> } = {},
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; bytes: Buffer }> =>
  new Promise((resolve, reject) => {
    const request = httpsRequest(url, { ...stack.tls(client), agent: false, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode!, headers: response.headers, bytes: Buffer.concat(chunks) }));
    });
    request.on('error', reject);
    request.end();
  });

/** The lines of a file of a job, each a resource. */
export const linesOf = async (stack: Stack, url: string): Promise<any[]> => {
  // oxlint-disable-line typescript/no-explicit-any -- resources of any shape
  const { status, bytes } = await fetchBytes(stack, url);
  assert.is(status, 200);
  const lines = bytes.toString().split('\n');
  assert.is(lines.pop(), '', 'the last line ends too');
  return lines.map((line) => JSON.parse(line) as unknown);
};
