import { describeWith } from '../harness/requirements.ts';
import { Site } from './site.ts';

const MARKS = (name: string) =>
  `export function eom(session, message) { message.headers.add('X-Marks', '${name} after ' + message.headers.getAll('X-Marks').length); }`;

const REFUSES = `import { reject } from 'postern';
  export const mail = (s) => s.message.sender.address === 'unwanted@example.org' ? reject('5.7.1 Refused in mail') : undefined;
  export const rcpt = (s, { address }) => address === 'unwanted@example.com' ? reject('5.1.1 Refused in rcpt') : undefined;
  export function eom(s, message) { return reject('5.7.1 Refused in eom'); }`;

/** Takes longer over MAIL than some are willing to wait. */
const SLOW = `import { sleep } from 'postern';
  export const mail = () => sleep(2000);
  ${MARKS('slow')}`;

/** A port where nobody listens. */
const NOBODY = 'inet:127.0.0.1:1';

describeWith(['postfix'], 'a list of milters', () => {
  let site: Site<
    'first' | 'second' | 'refuses' | 'slow',
    'two' | 'refusing' | 'mapped' | 'tolerant' | 'impatient' | 'strict'
  >;

  beforeAll(async () => {
    site = await Site.start({
      filters: { first: MARKS('first'), second: MARKS('second'), refuses: REFUSES, slow: SLOW },
      postfix: ({ first, second, refuses, slow }) => ({
        settings: {
          // The default that the milters' own settings stand against.
          milter_default_action: 'reject',
        },
        services: {
          two: { milters: `${first} ${second}` },
          refusing: { milters: `${refuses} ${first}` },
          mapped: {
            milters: `${first}`,
            options: {
              smtpd_milter_maps: `inline:{ { 192.0.2.1 = DISABLE } { 192.0.2.2 = ${second} } { 192.0.2.3 = ${first}, ${second} } }`,
            },
          },
          tolerant: {
            milters: `{ ${NOBODY}, connect_timeout=1s, default_action=accept }, { ${first}, protocol=6 }`,
          },
          impatient: {
            milters: `{ ${slow}, command_timeout=1s, default_action=accept }, ${second}`,
          },
          strict: { milters: `${first}, { ${NOBODY}, default_action=tempfail }` },
        },
      }),
    });
  });
  afterAll(() => site?.stop());

  let count = 0;

  /** The marks on a message, in order. */
  async function marks(
    service: Parameters<typeof site.send>[0],
    options: Parameters<typeof site.send>[1] = {},
  ): Promise<readonly string[]> {
    count += 1;
    const to = `recipient${count}@example.com`;
    const { end } = await site.send(service, { to, ...options });
    expect(end?.code).toBe(250);
    const message = await site.receiver.nextTo(to);
    return message.headers().flatMap(({ name, value }) => (name === 'X-Marks' ? [value] : []));
  }

  test('is asked in order, and each sees what those before it did', async () => {
    expect(await marks('two')).toEqual(['first after 0', 'second after 1']);
  });

  test('ends with the first refusal', async () => {
    const refused = await site.send('refusing', { from: 'unwanted@example.org' });
    expect(refused.mail?.text).toBe('550 5.7.1 Refused in mail');
    const both = await site.send('refusing', { to: ['unwanted@example.com', 'two@example.com'] });
    expect(both.rcpt.map(({ text }) => text)).toEqual([
      '550 5.1.1 Refused in rcpt',
      expect.stringMatching(/^250 /),
    ]);
    expect(both.end?.text).toBe('550 5.7.1 Refused in eom');
  });

  test.each([
    ['192.0.2.1', []],
    ['192.0.2.2', ['second after 0']],
    ['192.0.2.3', ['first after 0', 'second after 1']],
    ['192.0.2.4', ['first after 0']],
  ])('is another one for %s by smtpd_milter_maps', async (ADDR, expected) => {
    expect(await marks('mapped', { xclient: { ADDR } })).toEqual(expected);
  });

  test('goes on without a milter that is not there and whose default action is accept', async () => {
    const before = site.postfix.log().length;
    expect(await marks('tolerant')).toEqual(['first after 0']);
    await site.postfix.waitForLog(/warning: connect to Milter service inet:127\.0\.0\.1:1: /, {
      after: before,
    });
  });

  test('goes on without a milter that takes longer than its command_timeout', async () => {
    expect(await marks('impatient')).toEqual(['second after 0']);
  });

  test('has a default action for each milter: one that is not there, and tempfail', async () => {
    const { mail } = await site.send('strict');
    expect(mail?.text).toMatch(/^451 4\.7\.1 Service unavailable/);
  });
});
