import { AuthenticateCapability } from '../../src/capabilities/authenticate/authenticate.ts';
import { Capabilities } from '../../src/capabilities/capabilities.ts';
import { FakeDns, publishKey, sign } from '../capabilities/authenticate-site.ts';
import { EngineUnderTest } from './engine-under-test.ts';

/** Folds and spaces as no program writes them and every MTA lets them through. */
const HEADERS = [
  'From:\tAnna\r\n\t <anna@example.org>',
  'Subject:no space  two\r\n   three ',
  'To: \r\n bob@example.com',
  'X-\xfc: \xff',
  'x-empty:',
  '',
].join('\r\n');
const BODY = 'Hello  Bob. \r\n\r\n';

const dns = new FakeDns();
const key = publishKey(dns, 'example.org');
const authenticate = new AuthenticateCapability({ timeoutMs: 20_000, resolver: dns.resolve });
let under: EngineUnderTest | undefined;

beforeEach(() => {
  const { perform } = Capabilities.prototype;
  jest.spyOn(Capabilities.prototype, 'perform').mockImplementation(function (
    this: Capabilities,
    operation,
    args,
    context,
  ) {
    if (operation === 'authenticate') return authenticate.perform(args, context);
    return perform.call(this, operation, args, context);
  });
});

afterEach(async () => {
  jest.restoreAllMocks();
  await under?.stop();
  under = undefined;
});

afterAll(() => authenticate.close());

/** As an MTA gives them: values with what follows the colon, folds with LF. */
function blockOf(headers: string): string {
  return headers
    .split(/\r\n(?![ \t])/)
    .slice(0, -1)
    .map((field) => /^([^:]*):(.*)$/s.exec(field)!)
    .map(([, name, value]) => `${name}\0${value!.replaceAll('\r\n', '\n')}\0`)
    .join('');
}

test.each([
  ['as it came', ''],
  [
    'whatever filters changed in it',
    `message.headers.change('Subject', 'other'); message.setSender('eve@example.net'); message.replaceBody('x');`,
  ],
])('a message is checked %s', async (_, changes) => {
  dns.add('TXT example.org', [['v=spf1 ip4:192.0.2.7 -all']]);
  const headers = (await sign(`${HEADERS}\r\n${BODY}`, [key], 'simple/simple')) + HEADERS;
  under = await EngineUnderTest.start([
    {
      name: 'checks',
      source: `import { log } from 'postern';
        export const options = { cpu: '500ms' };
        export async function eom(session, message) {
          ${changes}
          const { dkim, spf, header } = await message.authenticate();
          log.info(JSON.stringify({ dkim: dkim[0].result, spf: spf.result }));
          log.info(header.split(';')[0]);
        }`,
    },
  ]);
  const session = under.open({ body: () => Buffer.from(BODY) });
  session.learn({ f: 'macros', stage: 'connect', values: { j: 'mx.example.com' } });
  session.learn({ f: 'mail', address: '<anna@example.org>', args: [] });
  session.learn({ f: 'headers', block: blockOf(headers), decoded: {} });
  expect((await session.call({ phase: 'eom', size: 1 })).verdict.kind).toBe('continue');
  expect(JSON.parse(under.said[0]!)).toEqual({ dkim: 'pass', spf: 'pass' });
  expect(under.said[1]).toBe('mx.example.com');
});
