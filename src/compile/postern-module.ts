/** The module `postern` as filters import it: the guest library's values under their names. */

import type { Plugin } from 'esbuild';

/** Everything that a filter may import from `postern`, types aside. */
export const POSTERN_EXPORTS = [
  'accept',
  'reject',
  'tempfail',
  'discard',
  'skip',
  'delay',
  'route',
  'prepend',
  'redirect',
  'hold',
  'filter',
  'kv',
  'log',
  'dns',
  'http',
  'net',
  'hash',
  'metrics',
  'authenticate',
  'sleep',
  'settings',
] as const;

/** The name under which a compiled filter receives the guest library. */
export const POSTERN_PARAMETER = '__postern';

/** Resolves `postern` wherever the importing file lies. A name that is not there is an error of the build. */
export const posternModule: Plugin = {
  name: 'postern',
  setup(build) {
    build.onResolve({ filter: /^postern$/ }, () => ({ path: 'postern', namespace: 'postern' }));
    build.onLoad({ filter: /^postern$/, namespace: 'postern' }, () => ({
      contents: POSTERN_EXPORTS.map(
        (name) => `export const ${name} = ${POSTERN_PARAMETER}.${name};`,
      ).join('\n'),
    }));
  },
};
