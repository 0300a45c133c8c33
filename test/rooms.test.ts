import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const ROOT = join(__dirname, '..');

/** From the top of the house down; a room may import from itself and from those below. */
const ROOMS = [
  'cli',
  'server',
  'status',
  'testing',
  'milter',
  'auth',
  'engine',
  'runner',
  'capabilities',
  'compile',
  'policy',
  'kv',
  'config',
];

/** What runs inside isolates: nothing of Node, nothing of the rooms that own something. */
const IN_THE_SANDBOX = ['policy', 'config', 'runner'];

function sources(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

/** What a file imports; for relative imports the path from the root. */
function imports(file: string, which: 'all' | 'values' = 'all'): string[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  return [...text.matchAll(/^(?:import|export)\s(type\s)?[^;]*?from '([^']+)';/gms)]
    .filter(([, type]) => which === 'all' || type === undefined)
    .map(([, , target]) =>
      target!.startsWith('.') ? normalize(join(dirname(file), target!)) : target!,
    );
}

const roomOf = (path: string) => /^src\/([^/]+)\//.exec(path)?.[1];

describe('the rooms of the house', () => {
  test('are all known', () => {
    const rooms = new Set(sources('src').map((file) => roomOf(file) ?? 'index'));
    expect([...rooms].filter((room) => !ROOMS.includes(room))).toEqual(['index']);
  });

  test('import only downward', () => {
    const upward = sources('src').flatMap((file) => {
      const rank = ROOMS.indexOf(roomOf(file) ?? '');
      return imports(file)
        .filter((target) => roomOf(target) !== undefined && ROOMS.indexOf(roomOf(target)!) < rank)
        .map((target) => `${file} imports ${target}`);
    });
    expect(upward).toEqual([]);
  });

  test('do not import in circles', () => {
    const circles: string[] = [];
    const state = new Map<string, 'open' | 'done'>();
    const visit = (file: string, path: readonly string[]) => {
      if (state.get(file) === 'open')
        circles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
      if (state.has(file)) return;
      state.set(file, 'open');
      for (const target of imports(file, 'values')) {
        if (target.startsWith('src/')) visit(target, [...path, file]);
      }
      state.set(file, 'done');
    };
    for (const file of sources('src')) visit(file, []);
    expect(circles).toEqual([]);
  });

  test('that are pure use nothing of Node', () => {
    const impure = [...sources('src/policy'), ...sources('protocol/src')].flatMap((file) =>
      imports(file)
        .filter((target) => target.startsWith('node:') && target !== 'node:buffer')
        .map((target) => `${file} imports ${target}`),
    );
    expect(impure).toEqual([]);
  });

  test('keep the guest library free of everything that an isolate lacks', () => {
    const seen = new Set<string>();
    const foreign: string[] = [];
    const visit = (file: string) => {
      if (seen.has(file)) return;
      seen.add(file);
      for (const target of imports(file, 'values')) {
        if (IN_THE_SANDBOX.includes(roomOf(target) ?? '')) visit(target);
        else foreign.push(`${file} imports ${target}`);
      }
    };
    visit('src/runner/guest/index.ts');
    expect(foreign).toEqual([]);
  });
});
