import { typeCheck } from '../../src/compile/type-check.ts';
import { type Folder, folderOf } from './filter-file.ts';

let folder: Folder;

afterEach(() => folder.remove());

async function check(source: string) {
  folder = folderOf({ 'filter.ts': source });
  return (await typeCheck([folder.file('filter.ts')])).map(
    ({ line, column, text }) => `${line}:${column}: ${text}`,
  );
}

describe('the types of a filter', () => {
  test('are right in the filter of the documentation', async () => {
    const source = `import { kv, reject, tempfail, type Message, type Recipient, type Session } from 'postern';
      export const options = { onError: 'tempfail', wall: '10s' };
      export async function connect(session: Session) {
        const n = await kv.incr(\`conn:\${session.client.address}\`, 1, { ttl: '1m' });
        if (n > 20) return tempfail(421, '4.7.0', 'Too many connections');
      }
      export function rcpt(session: Session, recipient: Recipient) {
        if (recipient.address === 'old@example.com') return reject(550, '5.1.1', 'This mailbox has moved');
      }
      export async function eom(session: Session, message: Message) {
        for (const header of message.headers) if (header.text === '') message.headers.delete(header.name);
        message.headers.add('X-Filtered', \`by postern; \${(await message.body()).length}\`);
      }`;
    expect(await check(source)).toEqual([]);
  });

  test('may be left out', async () => {
    expect(
      await check(
        `export function eom(session, message) { message.headers.add('X', session.helo); }`,
      ),
    ).toEqual([]);
  });

  test.each([
    [
      `import { kv } from 'postern';\nexport async function eom() { await kv.incr(5); }`,
      /^2:45: Argument of type 'number'/,
    ],
    [
      `import type { Session } from 'postern';\nexport function helo(session: Session) { session.helo = 'x'; }`,
      /^2:50: Cannot assign to 'helo'/,
    ],
    [
      `import type { Session } from 'postern';\nexport function helo(session: Session) { return session.client.address.length > 3 ? undefined : undefined; }`,
      /possibly 'undefined'/,
    ],
    [
      `\nexport function rcpt(session: unknown, recipient: number) {}`,
      /^2:17: rcpt: Type .* does not satisfy/,
    ],
    [`export const helo = () => 550;`, /^1:14: helo: Type '\(\) => number' does not satisfy/],
    [`export function eom() { process.exit(); }`, /^1:25: Cannot find name 'process'/],
  ])('that are wrong are named with their place: %j', async (source, expected) => {
    expect((await check(source)).join('\n')).toMatch(expected);
  });
});
