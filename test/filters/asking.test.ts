/** What docs/guide/asking.md and docs/guide/kv.md show is what runs. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Gate } from '../../src/auth/gate.ts';
import type { FilterOverrides } from '../../src/config/filter-overrides.ts';
import type { JsonObject } from '../../src/config/json.ts';
import type { EngineSession } from '../../src/engine/contract.ts';
import { EngineUnderTest } from '../engine/engine-under-test.ts';
import { DnsServer, zone } from '../harness/dns-server.ts';

/** The blocks of a page that are filters. */
function filtersOf(page: string): string[] {
  const text = readFileSync(join(__dirname, '..', '..', 'docs', 'guide', page), 'utf8');
  const blocks = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code!);
  return blocks.filter((code) => code.startsWith('import '));
}

const [dnsbl, asksHttp, attachments, authenticates] = filtersOf('asking.md');
const [rateLimit] = filtersOf('kv.md');
const [senderLimit] = filtersOf('postfix-policy.md');

let under: EngineUnderTest | undefined;
let dns: DnsServer | undefined;
let web: Server | undefined;

afterEach(async () => {
  await under?.stop();
  await dns?.close();
  web?.closeAllConnections();
  web?.close();
  under = dns = web = undefined;
});

async function serve(
  source: string | undefined,
  more: { overrides?: FilterOverrides; settings?: JsonObject } = {},
): Promise<EngineSession> {
  const server = dns && { dnsServer: `127.0.0.1:${dns.port}` };
  const patient = { ...more, overrides: { cpuMs: 500, ...more.overrides } };
  under = await EngineUnderTest.start(
    [{ name: 'filter', source: source!, ...patient }],
    {},
    server,
  );
  return under.open({ body: () => Buffer.from(BODY) });
}

const HEADERS = ['From', 'ann@example.org', 'Subject', 'hello', 'MIME-Version', '1.0'];
const BODY = [
  '--b',
  'Content-Type: text/plain',
  '',
  'see the attachment',
  '--b',
  'Content-Type: application/octet-stream',
  'Content-Disposition: attachment; filename="Setup.EXE"',
  '',
  'MZ',
  '--b--',
  '',
].join('\r\n');

function learnMessage(session: EngineSession): void {
  const fields = [...HEADERS, 'Content-Type', 'multipart/mixed; boundary=b'];
  session.learn({ f: 'mail', address: '<ann@example.org>', args: [] });
  const block = fields.map((text, n) => `${n % 2 === 1 ? ' ' : ''}${text}\0`).join('');
  session.learn({ f: 'headers', block, decoded: {} });
}

test('the block list refuses who is listed, with the reason of the list', async () => {
  dns = await DnsServer.start(
    zone([
      { name: '7.2.0.192.dnsbl.example.org', type: 'A', ttl: 60, data: '127.0.0.2' },
      { name: '7.2.0.192.dnsbl.example.org', type: 'TXT', ttl: 60, data: 'sends spam' },
    ]),
  );
  const session = await serve(dnsbl);
  expect((await session.call({ phase: 'connect' })).verdict).toEqual({
    kind: 'reject',
    reply: { code: 554, enhanced: '5.7.1', lines: ['192.0.2.7 is listed: sends spam'] },
  });
  dns.answering = zone([]);
  const other = under!.open();
  other.learn({ f: 'connect', hostname: '', family: 'inet', address: '192.0.2.8', port: 1 });
  expect((await other.call({ phase: 'connect' })).verdict).toEqual({ kind: 'continue' });
});

test('the filter that asks over HTTP does what it is told, and asks nobody else', async () => {
  const asked: string[] = [];
  web = createServer((request, response) => {
    request.setEncoding('utf8').on('data', (text) => asked.push(`${request.url} ${text}`));
    request.on('end', () => response.end('{"wait":true}'));
  }).listen(0, '127.0.0.1');
  await once(web, 'listening');
  const host = `127.0.0.1:${(web.address() as AddressInfo).port}`;
  const settings = { api: `http://${host}` };
  const session = await serve(asksHttp, { overrides: { http: [host] }, settings });
  learnMessage(session);
  expect((await session.call({ phase: 'eom', size: 1 })).verdict).toMatchObject({
    kind: 'tempfail',
    reply: { lines: ['Please come back later'] },
  });
  expect(asked).toEqual(['/check {"sender":"ann@example.org","client":"192.0.2.7"}']);
  await under!.stop();
  const refused = await serve(asksHttp, { settings });
  learnMessage(refused);
  expect((await refused.call({ phase: 'eom', size: 1 })).verdict).toEqual({ kind: 'continue' });
  expect(asked).toHaveLength(1);
  const line = under!.logged.find(({ fields }) => fields.why === 'throw');
  expect(line?.text).toContain(`${host}`);
});

test('the attachment filter refuses executables, and counts the others', async () => {
  const session = await serve(attachments);
  learnMessage(session);
  expect((await session.call({ phase: 'eom', size: 1 })).verdict).toMatchObject({
    kind: 'reject',
    reply: { enhanced: '5.7.1', lines: ['Executable attachments are refused'] },
  });
});

test('the filter that asks for SPF and DMARC writes down what it learns, and does as the domain asks', async () => {
  dns = await DnsServer.start(
    zone([
      { name: 'example.org', type: 'TXT', ttl: 60, data: 'v=spf1 ip4:198.51.100.0/24 -all' },
      { name: '_dmarc.example.org', type: 'TXT', ttl: 60, data: 'v=DMARC1; p=reject' },
    ]),
  );
  const session = await serve(authenticates);
  learnMessage(session);
  expect((await session.call({ phase: 'eom', size: 1 })).verdict).toMatchObject({
    kind: 'reject',
    reply: { lines: ['example.org does not want such mail to be accepted'] },
  });
  dns.answering = zone([
    { name: 'example.net', type: 'TXT', ttl: 60, data: 'v=spf1 ip4:192.0.2.7 -all' },
  ]);
  const other = under!.open({ body: () => Buffer.from(BODY) });
  other.learn({ f: 'mail', address: '<ann@example.net>', args: [] });
  other.learn({ f: 'headers', block: 'From\0 ann@example.net\0', decoded: {} });
  const outcome = await other.call({ phase: 'eom', size: 1 });
  expect(outcome.verdict).toEqual({ kind: 'continue' });
  expect(outcome.modifications).toEqual([
    expect.objectContaining({
      kind: 'insertHeader',
      name: 'Authentication-Results',
      value: { text: expect.stringContaining('spf=pass') },
    }),
  ]);
});

test('the rate limit of the page about stores lets twenty connections a minute through', async () => {
  const session = await serve(rateLimit);
  for (let n = 0; n < 20; n++)
    expect((await session.call({ phase: 'connect' })).verdict).toEqual({ kind: 'continue' });
  expect((await session.call({ phase: 'connect' })).verdict).toMatchObject({
    kind: 'tempfail',
    reply: {
      code: 421,
      lines: [expect.stringMatching(/^Too many connections, retry in [123] s$/)],
    },
  });
});

test('the limit of the page about policy requests counts the recipients of a login', async () => {
  await serve(senderLimit);
  const gate = new Gate(under!.engine);
  const ask = async (state: string, user?: string) => {
    const request = {
      state,
      client: {},
      attributes: {},
      ...(user && { auth: { type: 'PLAIN', user } }),
    };
    return (await gate.ask({ phase: 'access', request })).verdict.kind;
  };
  for (let n = 0; n < 200; n++) expect(await ask('RCPT', 'ann')).toBe('continue');
  expect(await ask('RCPT', 'ann')).toBe('tempfail');
  expect(await ask('END-OF-MESSAGE', 'ann')).toBe('continue');
  expect(await ask('RCPT', 'bob')).toBe('continue');
  expect(await ask('RCPT')).toBe('continue');
});
