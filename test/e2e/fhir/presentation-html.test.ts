/** Pages in a real browser, which reaches the real Envoy through a proxy that lends it a client's certificate (test/support/browser.ts). */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { loadRegistry } from '../../../fhir/definitions/registry.ts';
import { showHtml } from '../../../fhir/presentation/html/show.ts';
import { type ClientProxy, hasBrowser, startBrowser, startClientProxy } from '../../support/browser.ts';
import { type Stack, startStack } from '../../support/stack.ts';

const SCRIPT = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>';
const PATIENT = {
  resourceType: 'Patient',
  id: 'p',
  name: [{ family: SCRIPT, given: ['Åsa "quoted"', '</title></style></pre><script>window.pwned=1</script>'] }],
  birthDate: '1970-01-01',
  text: { status: 'generated', div: '<div xmlns="http://www.w3.org/1999/xhtml"><p>Told by a person</p></div>' },
};
const observation = (n: number): object => ({
  resourceType: 'Observation',
  id: `o${n}`,
  status: 'final',
  code: { text: `Weight ${n}` },
  subject: { reference: 'Patient/p', display: 'Åsa' },
  valueQuantity: { value: 1, unit: 'kg' },
});

let stack: Stack;
let browser: Browser | undefined;
let proxy: ClientProxy;
let page: Page;
test.before(async () => {
  stack = await startStack();
  proxy = await startClientProxy(stack, 'ehr-demo');
  if (hasBrowser) {
    page = await (browser = await startBrowser()).newPage();
    page.setDefaultTimeout(5000);
  }
  const stored = await stack.request('/Patient/p', { method: 'PUT', body: PATIENT });
  assert.is(stored.status, 201, stored.text);
  for (let n = 1; n <= 5; n++) {
    const body = JSON.stringify(observation(n)).replace('"value":1,', '"value":1.10,');
    assert.is((await stack.request(`/Observation/o${n}`, { method: 'PUT', body })).status, 201);
  }
});
test.after(async () => {
  await browser?.close();
  await proxy.close();
  await stack.stop();
});

/** Skipped where no browser comes as a package for the processor, and BROWSER_BIN names none. */
const inBrowser = hasBrowser ? test : test.skip;

const open = async (path: string): Promise<{ status: number; headers: Record<string, string> }> => {
  const answer = (await page.goto(`${proxy.baseUrl}${path}`))!;
  return { status: answer.status(), headers: answer.headers() };
};
const heading = (): Promise<string> => page.locator('h1').innerText();
const pathNow = (): string => page.url().slice(proxy.baseUrl.length);

/** Follows what is in all frames, so that a script that ran anywhere is seen. */
const nothingRan = async (): Promise<void> => {
  await page.waitForTimeout(100);
  assert.is(await page.evaluate('window.pwned'), undefined);
};

inBrowser('a resource is a page with its values, its narrative and its JSON as it is written', async () => {
  const { status, headers } = await open('/Observation/o1');
  assert.is(status, 200);
  assert.match(headers['content-type']!, /^text\/html/);
  assert.match(await heading(), /^Weight 1 /);
  assert.match(await page.locator('dl').innerText(), /value\s+1\.10 kg/);
  assert.match(await page.locator('pre.json').innerText(), /"value": 1\.10,/);
  assert.is(await page.evaluate('getComputedStyle(document.querySelector("header")).backgroundColor'), 'rgb(22, 32, 47)', 'styled');
});

inBrowser('a page allows no script, no frame around it, and no cache', async () => {
  const { headers } = await open('/Patient/p');
  const policy = headers['content-security-policy']!;
  assert.match(
    policy,
    /^default-src 'none'; style-src 'nonce-[\w+/=]{24}'; img-src data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'$/,
  );
  assert.equal(
    [headers['cache-control'], headers['x-content-type-options'], headers['referrer-policy']],
    ['no-store', 'nosniff', 'no-referrer'],
  );
  const again = (await open('/Patient/p')).headers['content-security-policy'];
  assert.is.not(again, policy, 'the nonce is new for every page');
});

inBrowser('script in names, links and narratives does not run, and is shown as it is written', async () => {
  await open('/Patient/p');
  await nothingRan();
  assert.ok((await heading()).includes('<img src=x onerror="window.pwned=1">'));
  assert.is(await page.locator('a[href^="javascript:"]').count(), 0);
  assert.is(await page.locator('script').count(), 0);
  const frame = page.frames().find((each) => each !== page.mainFrame())!;
  assert.match((await frame.locator('body').textContent()) ?? '', /Told by a person/);
  await open('/Patient?_id=p');
  await nothingRan();
  await open('/Patient/p/_history');
  await nothingRan();
  await open(`/Patient?name=${encodeURIComponent(SCRIPT)}&_count=1`);
  await nothingRan();
  const { status } = await open(`/Patient?${encodeURIComponent(SCRIPT)}=1`);
  assert.is(status, 400);
  await nothingRan();
});

inBrowser('a narrative and links with script that came past the validation run nothing either', async () => {
  const text = JSON.stringify({
    ...PATIENT,
    meta: { versionId: '1' },
    photo: [{ url: 'javascript:window.pwned=1' }],
    link: [{ type: 'seealso', other: { reference: 'javascript:window.pwned=1', display: 'see' } }],
    generalPractitioner: [{ reference: ' JavaScript:window.pwned=1' }, { reference: '//elsewhere.example/Patient/p' }],
    text: {
      status: 'generated',
      div: `<div>"' ${SCRIPT}<script>top.pwned=1</script><meta http-equiv="refresh" content="0;url=/elsewhere"><a href="javascript:top.pwned=1">run</a></div>`,
    },
  });
  const asked: string[] = [];
  const server = createServer(({ url }, outgoing) => {
    asked.push(url!);
    const { headers, body } = showHtml(
      text,
      { url: '/fhir/Patient/p', status: 200 },
      { registry: loadRegistry(), baseUrl: 'https://x/fhir' },
    );
    outgoing.writeHead(200, headers).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // A server that a failed test left open would keep the run waiting.
  server.unref();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir/Patient/p`);
  const narrative = page.frames()[1]!;
  assert.match((await narrative.locator('body').textContent()) ?? '', /run/, 'the narrative is there');
  await narrative.locator('a').click();
  await nothingRan();
  const links = await page.locator('a[href]').evaluateAll((all) => all.map((link) => link.getAttribute('href') ?? ''));
  assert.equal(
    links.filter((href) => !href.startsWith('/fhir/')),
    [],
    'every link leads into the server',
  );
  assert.equal(
    asked.filter((url) => url !== '/favicon.ico'),
    ['/fhir/Patient/p'],
    'nothing was loaded from within',
  );
  server.close();
});

inBrowser('a name that turns the direction of writing turns nothing beside it', async () => {
  const turning = { resourceType: 'Patient', id: 'turning', name: [{ text: 'Ann \u202Eeb' }] };
  assert.is((await stack.request('/Patient/turning', { method: 'PUT', body: turning })).status, 201);
  await open('/Patient/turning');
  const kind = (await page.locator('h1 .kind').boundingBox())!;
  // Of its own text alone, since a heading is as wide as the page.
  const end = await page.evaluate(
    `(() => { const range = document.createRange(); range.selectNodeContents(document.querySelector('h1')); return range.getBoundingClientRect().right; })()`,
  );
  assert.ok(Math.abs(Number(end) - kind.x - kind.width) < 2, 'the type stands last');
});

inBrowser('references, versions and types lead on', async () => {
  await open('/Observation/o2');
  await page.locator('pre.json a', { hasText: 'Patient/p' }).click();
  assert.is(pathNow(), '/Patient/p');
  await page.locator('.facts a', { hasText: 'history' }).click();
  assert.is(pathNow(), '/Patient/p/_history');
  await page.locator('td a', { hasText: /^1$/ }).click();
  assert.is(pathNow(), '/Patient/p/_history/1');
  await page.locator('.crumbs a', { hasText: 'Patient' }).click();
  assert.is(pathNow(), '/Patient');
  await page.locator('a.brand').click();
  assert.is(pathNow(), '/metadata');
  await page.locator('td a', { hasText: /^Observation$/ }).click();
  assert.is(await page.locator('tbody tr').count(), 5);
});

inBrowser('a search is a table that pages, and can be narrowed by a field', async () => {
  await open('/Observation?_count=2&_sort=_id');
  const seen: string[] = [];
  for (;;) {
    seen.push(...(await page.locator('td.id').allInnerTexts()));
    const next = page.locator('.pages a[rel=next]');
    if ((await next.count()) === 0) break;
    await next.click();
  }
  assert.equal(seen, ['o1', 'o2', 'o3', 'o4', 'o5']);
  assert.match(await page.locator('table').innerText(), /status\s+code\s+subject\s+value.*final\s+Weight 5\s+Åsa\s+1\.10 kg/s);
  await open('/Patient');
  await page.locator('#f-birthdate').fill('1970-01-01');
  await page.locator('#f-birthdate').press('Enter');
  await page.waitForURL(/birthdate=1970-01-01/);
  assert.is(await page.locator('tbody tr').count(), 1);
  await page.locator('#f-birthdate').fill('1971');
  await page.locator('#f-birthdate').press('Enter');
  await page.waitForURL(/birthdate=1971/);
  assert.match(await page.locator('main').innerText(), /Nothing to show here/);
});

inBrowser('a refusal is a page that says what to do, with its own status', async () => {
  assert.is((await open('/Patient?nmae=x')).status, 400);
  assert.is(await heading(), '400 Bad Request');
  assert.match(await page.locator('.issue').innerText(), /no search parameter nmae/);
  assert.is((await open('/Patient/nobody')).status, 404);
  assert.match(await page.locator('.issue').innerText(), /there is no Patient\/nobody/);
});

test('_format=html is the page for anyone', async () => {
  const { headers } = await stack.request('/Patient/p?_format=html');
  assert.match(String(headers['content-type']), /^text\/html/);
});

inBrowser('_format=json is the resource for a browser', async () => {
  assert.match((await open('/Patient/p?_format=json')).headers['content-type']!, /^application\/fhir\+json/);
});

test.run();
