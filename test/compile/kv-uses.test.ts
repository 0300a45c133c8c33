import { compileFilter } from '../../src/compile/compile.ts';
import { kvUses } from '../../src/compile/kv-uses.ts';
import { SourcePositions } from '../../src/compile/source-map.ts';
import { folderOf } from './filter-file.ts';

/** The uses that a filter's text shows: `store:call line:column`. */
async function usesOf(source: string): Promise<string[]> {
  const folder = folderOf({ 'filter.ts': source });
  const { code, map } = await compileFilter(folder.file('filter.ts'), 'test');
  folder.remove();
  const positions = new SourcePositions(map);
  return kvUses(code)
    .map(({ name, isGroup, call, isCertain, line, column }) => {
      const place = positions.map(line, column)?.split(':').slice(-2).join(':');
      return `${isGroup ? 'group ' : ''}${name}${call === undefined ? '' : `.${call}`} ${place}${isCertain ? '' : ' perhaps'}`;
    })
    .sort();
}

test.each<[what: string, source: string, uses: string[]]>([
  [
    'calls on the default store',
    `import { kv } from 'postern';
export async function helo() {
  await kv.get('a');
  for await (const [key] of kv.scan('x')) await kv['rate'](key, {});
}`,
    ['default.get 3:9', 'default.rate 4:49', 'default.scan 4:29'],
  ],
  [
    'kv under another name',
    `import { kv as memory } from 'postern';
const kv = { scan() {} };
export function helo() { kv.scan(); memory.incr('a'); }`,
    ['default.incr 3:37'],
  ],
  [
    'other stores and groups',
    `import { kv } from 'postern';
export async function helo() {
  await kv.store('fleet').scan('a');
  await kv.group("both").get('a');
}`,
    ['fleet.scan 3:9', 'group both.get 4:9'],
  ],
  [
    'a store kept in a variable',
    `import { kv } from 'postern';
const fleet = kv.store('fleet');
export const helo = () => fleet.lease('a', { limit: 1, ttl: '1m' });`,
    ['fleet 2:15', 'fleet.lease 3:27'],
  ],
  ['no kv', `export function helo() { const kv = []; kv.scan = 1; }`, []],
  [
    'what is only known at run time',
    `import { kv, settings } from 'postern';
export const helo = () => kv.store(settings.store).scan('a');`,
    [],
  ],
  [
    'what only looks like a call: in strings, templates, regular expressions and comments',
    `import { kv, log } from 'postern';
/*! kv.scan as a legal comment, which stays: it's "so */
export async function helo({ helo }) {
  log.warn('kv.scan failed, it\\'s "kv.scan"');
  log.warn("kv.scan 'failed");
  log.warn(\`kv.scan \\\` kv.scan \${await kv.get(\`kv.scan\${helo}\`)} kv.scan \${{ a: 1 }} kv.scan\`);
  if (/["'\`/]kv.scan\\/ kv.scan[/"]/.test(helo) || helo.split(/kv.scan"/)) await kv.has('a');
  if (helo)
    /"kv.scan/.exec(helo);
  let half = (helo.length + 1) / 2, n = half / kv.size / half++ / kv.size2;
}`,
    ['default.get 6:40', 'default.has 7:81', 'default.size 10:48', 'default.size2 10:67'],
  ],
  [
    'a store whose name another function gives to something else',
    `import { kv } from 'postern';
export async function helo() { const fleet = kv.store('fleet'); await fleet.scan('a'); }
export async function mail(fleet) { fleet.scan(); }
export async function rcpt() { const own = kv.store('own'); if (own) { own.scan('a'); } }`,
    [
      'fleet 2:46',
      'fleet.scan 2:71 perhaps',
      'fleet.scan 3:37 perhaps',
      'own 4:44',
      'own.scan 4:72',
    ],
  ],
])('%s', async (_what, source, uses) => {
  expect(await usesOf(source)).toEqual(uses);
});
