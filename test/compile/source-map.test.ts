import { runInNewContext } from 'node:vm';
import { compileFilter } from '../../src/compile/compile.ts';
import { SourcePositions } from '../../src/compile/source-map.ts';
import { type Folder, folderOf } from './filter-file.ts';

describe('positions in a filter', () => {
  let folder: Folder;
  let positions: SourcePositions;
  let stack: string;

  beforeAll(async () => {
    folder = folderOf({
      'filter.ts': `import { fail } from './inner.ts';\n\ninterface Gone { readonly nothing: string }\n\nexport function eom(gone: Gone) {\n  fail(gone.nothing);\n}\nexport const options = {};\n`,
      'inner.ts': `export function fail(text: string): never {\n  throw new Error('failed ' + text);\n}\n`,
    });
    const { code, map } = await compileFilter(folder.file('filter.ts'), 'test');
    positions = new SourcePositions(map);
    const module = runInNewContext(code, {}, { filename: 'filter:test' })({}) as {
      eom: (x: object) => void;
    };
    try {
      module.eom({ nothing: 'x' });
    } catch (error) {
      stack = (error as Error).stack!;
    }
  });
  afterAll(() => folder.remove());

  test('are those of the source, in the file that was imported too', () => {
    expect(positions.firstPosition(stack)).toMatch(/inner\.ts:2:9$/);
    const frames = positions
      .mapStack(stack)
      .split('\n')
      .filter((line) => line.includes('.ts:'));
    expect(frames[0]).toMatch(/at fail \(.*inner\.ts:2:\d+\)/);
    expect(frames[1]).toMatch(/at .*eom \(.*filter\.ts:6:\d+\)/);
  });

  test('are found in frames of asynchronous calls, too', () => {
    const [line, column] = /filter:test:(\d+):(\d+)/.exec(stack)!.slice(1);
    const frames = `Error: x\n    at async eom (filter:test:${line}:${column})\n    at async filter:test:${line}:${column}`;
    expect(positions.mapStack(frames)).toMatch(
      /^Error: x\n {4}at async eom \(.*inner\.ts:2:9\)\n {4}at async .*inner\.ts:2:9$/,
    );
  });

  test('leave out the guest library', () => {
    const mixed = `Error: x\n    at call (postern:guest:10:5)\n    at filter:test:1:1\n    at (<isolated-vm boundary>)`;
    expect(positions.mapStack(mixed)).not.toMatch(/postern:guest|isolated-vm/);
    expect(positions.firstPosition('Error: x\n    at call (postern:guest:10:5)')).toBeUndefined();
  });

  test('of exports are found by name', () => {
    expect(positions.exportOf('options')).toMatch(/filter\.ts:8:14$/);
    expect(positions.exportOf('eom')).toMatch(/filter\.ts:5:17$/);
    expect(positions.exportOf('nothing')).toBeUndefined();
  });
});
