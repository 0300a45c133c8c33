import fc from 'fast-check';
import {
  type HeaderStyle,
  headerReplies,
  type RawHeader,
} from '../../src/milter/header-changes.ts';
import { type HeaderEntry, HeaderList } from '../../src/policy/header-list.ts';
import type { Modification } from '../../src/policy/modification.ts';
import { type HeaderModel, OWN, PostfixHeaders, SendmailHeaders } from './header-models.ts';

const ORIGINAL: readonly RawHeader[] = [
  { name: 'Received', raw: ' one' },
  { name: 'received', raw: ' two' },
  { name: 'Subject', raw: ' hello' },
];
const STYLE: HeaderStyle = { leadingSpace: true, smtputf8: false };
const value = { text: 'v' };

describe('on Postfix', () => {
  const plan = (...modifications: Modification[]) =>
    headerReplies(ORIGINAL, modifications, 'postfix', STYLE);

  test('a header goes between two others by its index', () => {
    expect(
      plan({ kind: 'insertHeaderBeside', side: 'before', other: 2, name: 'X', value }),
    ).toEqual([{ kind: 'insheader', index: 3, name: 'X', value: ' v' }]);
  });

  test('deletes come first, from the last to the first, and indexes count without them', () => {
    expect(
      plan(
        { kind: 'insertHeaderBeside', side: 'before', other: 2, name: 'X', value },
        { kind: 'deleteHeader', name: 'RECEIVED' },
      ),
    ).toEqual([
      { kind: 'chgheader', index: 2, name: 'received', value: '' },
      { kind: 'chgheader', index: 1, name: 'Received', value: '' },
      { kind: 'insheader', index: 1, name: 'X', value: ' v' },
    ]);
  });

  test('several above everything keep their order', () => {
    expect(
      plan(
        { kind: 'insertHeader', index: 0, name: 'B', value },
        { kind: 'insertHeader', index: 0, name: 'A', value },
      ),
    ).toMatchObject([
      { kind: 'insheader', index: 0, name: 'B' },
      { kind: 'insheader', index: 0, name: 'A' },
    ]);
  });
});

describe('on other MTAs', () => {
  const plan = (...modifications: Modification[]) =>
    headerReplies(ORIGINAL, modifications, 'other', STYLE);

  test('a new name goes to the end with ADDHEADER, a known one with an index beyond all', () => {
    expect(
      plan({ kind: 'addHeader', name: 'X', value }, { kind: 'addHeader', name: 'SUBJECT', value }),
    ).toEqual([
      { kind: 'addheader', name: 'X', value: ' v' },
      { kind: 'insheader', index: 1_000_000, name: 'SUBJECT', value: ' v' },
    ]);
  });

  test('what follows a header in the middle is deleted and written again, as it was', () => {
    expect(
      plan({ kind: 'insertHeaderBeside', side: 'before', other: 1, name: 'X', value }),
    ).toEqual([
      { kind: 'chgheader', index: 1, name: 'Subject', value: '' },
      { kind: 'chgheader', index: 2, name: 'received', value: '' },
      { kind: 'addheader', name: 'X', value: ' v' },
      { kind: 'insheader', index: 1_000_000, name: 'received', value: ' two' },
      { kind: 'insheader', index: 1_000_000, name: 'Subject', value: ' hello' },
    ]);
  });

  test('at the top nothing is written again', () => {
    expect(
      plan({ kind: 'insertHeaderBeside', side: 'before', other: 0, name: 'X', value }),
    ).toEqual([{ kind: 'insheader', index: 1, name: 'X', value: ' v' }]);
  });
});

describe('values', () => {
  const plan = (style: HeaderStyle, ...modifications: Modification[]) =>
    headerReplies(ORIGINAL, modifications, 'other', style).map((reply) =>
      'value' in reply ? reply.value : '',
    );
  const plain = { leadingSpace: false, smtputf8: false };

  test('without HDR_LEADSPC have no space before them', () => {
    expect(plan(plain, { kind: 'insertHeader', index: 2, name: 'X', value })).toEqual([
      '',
      '',
      'v',
      'two',
      'hello',
    ]);
  });

  test('an empty one does not delete the header', () => {
    expect(
      plan(plain, { kind: 'changeHeader', name: 'subject', nth: 1, value: { text: '' } }),
    ).toEqual([' ']);
  });

  test('folds leave as LF', () => {
    const folded = { bytes: 'a\r\n\tb' };
    expect(plan(STYLE, { kind: 'addHeader', name: 'X', value: folded })).toEqual([' a\n\tb']);
    const came = [
      { name: 'A', raw: ' 1\r\n 2' },
      { name: 'B', raw: ' x\ry' },
    ];
    const insert: Modification = { kind: 'insertHeader', index: 2, name: 'X', value };
    const moved = headerReplies([{ name: 'First', raw: '' }, ...came], [insert], 'other', STYLE);
    expect(moved.slice(-2)).toMatchObject([{ value: ' 1\n 2' }, { value: ' xy' }]);
  });

  test('outside ASCII are encoded, unless given as bytes or the message is SMTPUTF8', () => {
    const text: Modification = { kind: 'addHeader', name: 'X', value: { text: 'é' } };
    expect(plan(plain, text)).toEqual(['=?UTF-8?Q?=C3=A9?=']);
    expect(plan({ ...plain, smtputf8: true }, text)).toEqual(['\xc3\xa9']);
    expect(plan(plain, { kind: 'addHeader', name: 'X', value: { bytes: '\xe9' } })).toEqual([
      '\xe9',
    ]);
  });
});

describe('the order comes out as filters left it', () => {
  const names = fc.constantFrom('A', 'a', 'B', 'C', 'X-New');
  const original = fc.array(names, { maxLength: 8 });
  const changes = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('add' as const), name: names }),
      fc.record({ kind: fc.constant('insert' as const), name: names, index: fc.nat(10) }),
      fc.record({
        kind: fc.constant('beside' as const),
        name: names,
        at: fc.nat(10),
        after: fc.boolean(),
      }),
      fc.record({
        kind: fc.constant('change' as const),
        name: names,
        nth: fc.integer({ min: 1, max: 4 }),
      }),
      fc.record({
        kind: fc.constant('delete' as const),
        name: names,
        nth: fc.option(fc.integer({ min: 1, max: 4 })),
      }),
    ),
    { maxLength: 8 },
  );
  type Change = (
    typeof changes extends fc.Arbitrary<infer T>
      ? T
      : never
  ) extends readonly (infer C)[]
    ? C
    : never;

  /** The changes as modifications, and the list that they make. */
  function applied(headers: readonly RawHeader[], list: readonly Change[]) {
    const wanted = new HeaderList(headers);
    const modifications = list.map((change, index): Modification => {
      const text = { text: `new ${index}` };
      const modification = modificationOf(change, text, wanted.visible);
      wanted.apply(modification);
      return modification;
    });
    return { wanted, modifications };
  }

  function modificationOf(
    change: Change,
    text: { text: string },
    visible: readonly HeaderEntry[],
  ): Modification {
    const { name } = change;
    switch (change.kind) {
      case 'add':
        return { kind: 'addHeader', name, value: text };
      case 'insert':
        return { kind: 'insertHeader', index: change.index, name, value: text };
      case 'beside': {
        const other = visible[change.at % Math.max(1, visible.length)]?.id ?? 0;
        return {
          kind: 'insertHeaderBeside',
          side: change.after ? 'after' : 'before',
          other,
          name,
          value: text,
        };
      }
      case 'change':
        return { kind: 'changeHeader', name, nth: change.nth, value: text };
      case 'delete':
        return { kind: 'deleteHeader', name, ...(change.nth !== null && { nth: change.nth }) };
      default:
        return change satisfies never;
    }
  }

  function shown({ above, below }: HeaderList['parts']): string[] {
    const line = ({ name, value: v }: HeaderEntry) =>
      `${name}:${'raw' in v ? v.raw : 'text' in v ? ` ${v.text}` : v.bytes}`;
    return [...above.map(line), OWN, ...below.map(line)];
  }

  test.each([
    [
      'postfix',
      (headers: readonly RawHeader[], space: boolean): HeaderModel =>
        new PostfixHeaders(headers, space),
    ],
    [
      'other',
      (headers: readonly RawHeader[], space: boolean): HeaderModel =>
        new SendmailHeaders(headers, space, 3),
    ],
    [
      'other',
      (headers: readonly RawHeader[], space: boolean): HeaderModel =>
        new SendmailHeaders(headers, space, 0),
    ],
    // What is not recognised as Postfix gets the same order.
    [
      'other',
      (headers: readonly RawHeader[], space: boolean): HeaderModel =>
        new PostfixHeaders(headers, space),
    ],
  ] as const)('for %s', (mta, modelOf) => {
    fc.assert(
      fc.property(original, changes, fc.boolean(), (headerNames, list, leadingSpace) => {
        const headers = headerNames.map((name, index) => ({ name, raw: ` came ${index}` }));
        const { wanted, modifications } = applied(headers, list);
        const model = modelOf(headers, leadingSpace);
        const style = { leadingSpace, smtputf8: false };
        for (const reply of headerReplies(headers, modifications, mta, style)) model.apply(reply);
        expect(model.shown).toEqual(shown(wanted.parts));
      }),
      { numRuns: 2_000 },
    );
  });
});
