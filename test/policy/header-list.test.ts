import { FIRST_NEW_ID, HeaderList } from '../../src/policy/header-list.ts';
import type { Modification } from '../../src/policy/modification.ts';

const came = [
  { name: 'Received', raw: ' by a' },
  { name: 'X-One', raw: ' 1' },
  { name: 'x-one', raw: ' 2' },
  { name: 'Subject', raw: ' hi' },
];

function changedBy(...modifications: Modification[]): string[] {
  const list = new HeaderList(came);
  for (const modification of modifications) list.apply(modification);
  return list.visible.map(
    ({ name, value }) =>
      `${name}:${'raw' in value ? value.raw.trim() : 'text' in value ? value.text : value.bytes}`,
  );
}

const value = { text: 'new' };

describe('a list of headers', () => {
  test('shows what came, in order', () => {
    expect(changedBy()).toEqual(['Received:by a', 'X-One:1', 'x-one:2', 'Subject:hi']);
  });

  test('adds at the end', () => {
    expect(changedBy({ kind: 'addHeader', name: 'X', value })).toEqual([
      'Received:by a',
      'X-One:1',
      'x-one:2',
      'Subject:hi',
      'X:new',
    ]);
  });

  test.each([
    [0, 0],
    [1, 0],
    [2, 1],
    [4, 3],
    [5, 4],
    [99, 4],
  ])('inserts at %i, counting the Received of the MTA itself, which nobody sees', (index, at) => {
    expect(changedBy({ kind: 'insertHeader', index, name: 'X', value }).indexOf('X:new')).toBe(at);
  });

  test('tells what is above the Received of the MTA from what is below', () => {
    const list = new HeaderList(came);
    list.apply({ kind: 'insertHeader', index: 1, name: 'Below', value });
    list.apply({ kind: 'insertHeader', index: 0, name: 'Above', value });
    expect(list.parts.above.map(({ name }) => name)).toEqual(['Above']);
    expect(list.parts.below[0]?.name).toBe('Below');
  });

  test('inserts beside a header that came and beside one that was added', () => {
    expect(
      changedBy(
        { kind: 'insertHeaderBeside', side: 'after', other: 1, name: 'A', value },
        { kind: 'insertHeaderBeside', side: 'before', other: FIRST_NEW_ID, name: 'B', value },
      ),
    ).toEqual(['Received:by a', 'X-One:1', 'B:new', 'A:new', 'x-one:2', 'Subject:hi']);
  });

  test('counts headers of one name without regard to case', () => {
    expect(changedBy({ kind: 'changeHeader', name: 'X-ONE', nth: 2, value })).toContain(
      'x-one:new',
    );
    expect(changedBy({ kind: 'deleteHeader', name: 'X-ONE', nth: 1 })).toEqual([
      'Received:by a',
      'x-one:2',
      'Subject:hi',
    ]);
    expect(changedBy({ kind: 'deleteHeader', name: 'X-ONE' })).toEqual([
      'Received:by a',
      'Subject:hi',
    ]);
  });

  test('adds a header that was to be changed and is not there', () => {
    expect(changedBy({ kind: 'changeHeader', name: 'Subject', nth: 2, value })).toEqual([
      ...changedBy(),
      'Subject:new',
    ]);
  });

  test('deletes what is not there without a word', () => {
    expect(
      changedBy(
        { kind: 'deleteHeader', name: 'X-None' },
        { kind: 'deleteHeader', name: 'Subject', nth: 2 },
      ),
    ).toEqual(changedBy());
  });
});
