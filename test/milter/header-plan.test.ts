import fc from 'fast-check';
import {
  type HeaderStyle,
  headerReplies,
  type RawHeader,
} from '../../src/milter/header-changes.ts';
import type { Modification } from '../../src/policy/modification.ts';
import { applied, headerChanges, originalNames } from './header-changes-arbitrary.ts';
import { type HeaderModel, PostfixHeaders, SendmailHeaders } from './header-models.ts';

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

  test('a Received header never goes with ADDHEADER, which Sendmail puts above its own', () => {
    const add: Modification = { kind: 'addHeader', name: 'Received', value };
    expect(headerReplies([], [add], 'other', STYLE)).toEqual([
      { kind: 'insheader', index: 1_000_000, name: 'Received', value: ' v' },
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
  type MakeModel = (headers: readonly RawHeader[], leadingSpace: boolean) => HeaderModel;
  const postfix: MakeModel = (headers, space) => new PostfixHeaders(headers, space);
  const sendmail: MakeModel = (headers, space) => new SendmailHeaders(headers, space, 3);
  const bareSendmail: MakeModel = (headers, space) => new SendmailHeaders(headers, space, 0);

  test.each([
    ['Postfix', 'postfix', postfix],
    ['Sendmail', 'other', sendmail],
    ['Sendmail without default headers', 'other', bareSendmail],
    ['a Postfix that is not recognised', 'other', postfix],
  ] as const)('on %s', (_name, mta, makeModel) => {
    fc.assert(
      fc.property(
        originalNames,
        headerChanges,
        fc.boolean(),
        (headerNames, changes, leadingSpace) => {
          const headers = headerNames.map((name, index) => ({ name, raw: ` came ${index}` }));
          const { modifications, wanted } = applied(headers, changes);
          const model = makeModel(headers, leadingSpace);
          const style = { leadingSpace, smtputf8: false };
          for (const reply of headerReplies(headers, modifications, mta, style)) model.apply(reply);
          expect(model.shown).toEqual(wanted);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
