import fc from 'fast-check';
import { applied, type HeaderOperation, OBEYS_BODY, OWN } from './header-twin.ts';
import { MailSystem } from './mail-system.ts';
import { onEachMta } from './on-each-mta.ts';

/** With all that Sendmail would add by itself, and with white space in all places. */
const LINES = [
  'Received: from elsewhere',
  'Date: Fri, 20 Nov 2026 20:00:00 +0000',
  'Message-Id: <1@example.org>',
  'From: Sender <sender@example.org>',
  'To: recipient@example.com',
  'X-Many: one',
  'X-None:without a space',
  'X-Tab:\twith a tab',
  'x-many:  two, with two spaces',
  'X-Folded: with\r\n\ta tab,\r\n  two spaces',
  'X-Many: three\r\n four',
  // UTF-8, which has bytes that Sendmail uses for purposes of its own.
  'X-Raw: caf\xc3\x89 \xe2\x82\xac \xc3\x9f',
  'X-Empty:',
];

/** MTAs may add these where they are not. */
const REQUIRED = /^(Date|Message-Id|From|To):/;

onEachMta('headers after a filter', (mta) => {
  let system: MailSystem<'obeys'>;

  beforeAll(async () => {
    system = await MailSystem.start({ mta, places: { obeys: { filters: { obeys: OBEYS_BODY } } } });
  });
  afterAll(() => system?.stop());

  let count = 0;

  async function after(
    operations: readonly HeaderOperation[],
    lines: readonly string[] = LINES,
  ): Promise<readonly string[]> {
    count += 1;
    const to = `recipient${count}@example.com`;
    const message = `${lines.join('\r\n')}\r\n\r\n${JSON.stringify(operations)}\r\n`;
    const { end } = await system.send('obeys', { to, message: Buffer.from(message, 'latin1') });
    expect(end?.code).toBe(250);
    const { data } = await system.receiver.nextTo(to);
    const [head = ''] = data.toString('latin1').split('\r\n\r\n');
    const isOwn = /^Received: .*\sby mx\.postern\.test\b/s;
    return head.split(/\r\n(?![ \t])/).map((line) => (isOwn.test(line) ? OWN : line));
  }

  const examples: readonly (readonly [string, ...HeaderOperation[]])[] = [
    ['nothing'],
    ['add several of one name', ['add', 'X-New', 'one'], ['add', 'X-New', 'two']],
    ['add one of a name that is there', ['add', 'X-Many', 'five'], ['add', 'Received', 'last']],
    ['insert above everything', ['insert', 0, 'X-New', 'b'], ['insert', 0, 'X-New', 'a']],
    ['insert below the MTA’s own', ['insert', 1, 'X-New', 'b'], ['insert', 1, 'X-Many', 'a']],
    ['insert in the middle', ['insert', 5, 'X-New', 'b'], ['insert', 9, 'X-Many', 'a']],
    ['insert at the end', ['insert', 14, 'X-New', 'a'], ['insert', 99, 'X-Many', 'b']],
    ['insert before', ['before', 5, 'X-New', 'a'], ['before', 0, 'X-New', 'top']],
    ['insert after', ['after', 5, 'X-New', 'a'], ['after', 13, 'X-New', 'end']],
    ['insert beside one’s own', ['after', 4, 'X-New', 'a'], ['after', 5, 'X-New', 'b']],
    ['delete some of a name', ['delete', 'X-Many', 1], ['delete', 'X-Many', 2]],
    ['delete all of a name', ['delete', 'x-MANY'], ['delete', 'X-Folded', 2], ['delete', 'X-No']],
    ['delete and add', ['delete', 'X-Many'], ['add', 'X-Many', 'new'], ['delete', 'X-Many', 2]],
    ['delete and insert', ['delete', 'X-Many', 2], ['insert', 6, 'X-Many', 'two']],
    ['change some', ['change', 'X-Many', 'TWO', 2], ['change', 'X-Tab', 'tab', 1]],
    ['change what is new', ['insert', 3, 'X-Many', 'zero'], ['change', 'X-Many', 'ZERO', 1]],
    ['change what is not there', ['change', 'X-No', 'a', 1], ['change', 'X-Many', 'b', 9]],
    ['change and delete', ['change', 'X-Many', 'b', 2], ['delete', 'X-Many', 1]],
    ['delete what the MTA must have', ['delete', 'Date'], ['delete', 'From'], ['delete', 'To']],
    ['delete everything but one', ...deletionsOfAllBut('X-Tab')],
  ];

  test.each(examples.map(([name, ...operations]) => ({ name, operations })))(
    '$name',
    async ({ operations }) => {
      expect(await after(operations)).toEqual(applied(LINES, operations));
    },
  );

  test('insert at any place', async () => {
    for (let index = 0; index <= LINES.length + 2; index += 1) {
      const operations = [['insert', index, 'X-New', 'value']] as const;
      expect(await after(operations)).toEqual(applied(LINES, operations));
    }
  });

  test('are what the filter made of them, whatever it did', async () => {
    const lines = fc
      .subarray(LINES.filter((line) => !REQUIRED.test(line)))
      .map((some) => LINES.filter((line) => REQUIRED.test(line) || some.includes(line)));
    const name = fc.constantFrom('X-Many', 'X-New', 'X-Folded', 'X-Raw', 'Received', 'X-Empty');
    const value = fc.stringMatching(/^[a-z]{1,8}(\r\n [a-z]{1,3})?$/);
    const place = fc.nat({ max: LINES.length + 3 });
    const nth = fc.integer({ min: 1, max: 4 });
    const operation: fc.Arbitrary<HeaderOperation> = fc.oneof(
      fc.tuple(fc.constant('add' as const), name, value),
      fc.tuple(fc.constant('insert' as const), place, name, value),
      fc.tuple(fc.constantFrom('before' as const, 'after' as const), place, name, value),
      fc.tuple(fc.constant('change' as const), name, value, nth),
      fc.tuple(fc.constant('delete' as const), name, nth),
      fc.tuple(fc.constant('delete' as const), name),
    );
    const operations = fc.array(operation, { minLength: 1, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(lines, operations, async (lines, operations) => {
        expect(await after(operations, lines)).toEqual(applied(lines, operations));
      }),
      { numRuns: 40, interruptAfterTimeLimit: 20_000 },
    );
  });
});

function deletionsOfAllBut(kept: string): HeaderOperation[] {
  const names = new Set(LINES.map((line) => line.split(':')[0]!.toLowerCase()));
  return [...names].filter((name) => name !== kept.toLowerCase()).map((name) => ['delete', name]);
}
