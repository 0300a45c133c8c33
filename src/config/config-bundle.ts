/** One script out of a configuration file and the modules that it imports. */

import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type BuildFailure, build, type Message, type Plugin } from 'esbuild';
import { ConfigError } from './config-error.ts';
import { shownPath } from './shown-path.ts';

/** The script and its source map; throws {@link ConfigError} with the position of what does not compile. */
export async function bundleConfig(
  file: string,
  cwd: string,
): Promise<{ readonly code: string; readonly map: string }> {
  // What the file says about itself must not change because it runs from a temporary folder.
  // In modules that it imports the same values appear, which we accept for a configuration.
  const self = {
    'import.meta.url': JSON.stringify(pathToFileURL(file).href),
    'import.meta.filename': JSON.stringify(file),
    'import.meta.dirname': JSON.stringify(dirname(file)),
  };
  try {
    const result = await build({
      entryPoints: [file],
      absWorkingDir: cwd,
      outfile: join(dirname(file), 'postern.config.mjs'),
      write: false,
      bundle: true,
      platform: 'node',
      format: 'esm',
      target: 'node24',
      sourcemap: 'external',
      // A tsconfig.json that lies near by is about another project.
      tsconfigRaw: {},
      define: self,
      banner: {
        js: `import { createRequire as posternRequire } from 'node:module'; const require = posternRequire(${self['import.meta.url']});`,
      },
      plugins: [resolvePostern, leavePackagesAlone],
      logLevel: 'silent',
    });
    const output = (suffix: string) => result.outputFiles.find(({ path }) => path.endsWith(suffix));
    return { code: output('.mjs')?.text ?? '', map: output('.map')?.text ?? '{}' };
  } catch (error) {
    throw new ConfigError(
      (error as BuildFailure).errors.map((message) => ({
        path: position(message, shownPath(file, cwd), cwd),
        message: message.text,
      })),
    );
  }
}

/** `import ... from 'postern'` works wherever the configuration lies. */
const resolvePostern: Plugin = {
  name: 'postern',
  setup({ onResolve }) {
    onResolve({ filter: /^postern$/ }, () => ({ path: join(import.meta.dirname, 'define.ts') }));
  },
};

/** Packages are loaded from where they are installed: they may need files beside their code. */
const leavePackagesAlone: Plugin = {
  name: 'packages',
  setup({ onResolve, resolve: find }) {
    const beingFound = Symbol('being found');
    onResolve({ filter: /^[^./]/ }, async ({ path, pluginData, kind, ...rest }) => {
      if (pluginData === beingFound || kind === 'entry-point') return undefined;
      const found = await find(path, { ...rest, kind, pluginData: beingFound });
      if (found.errors.length > 0 || !/[\\/]node_modules[\\/]/.test(found.path)) return found;
      const required = kind === 'require-call' || kind === 'require-resolve';
      return { path: required ? found.path : pathToFileURL(found.path).href, external: true };
    });
  },
};

function position({ location }: Message, fallback: string, cwd: string): string {
  if (!location) return fallback;
  const file = shownPath(resolve(cwd, location.file), cwd);
  return `${file}:${location.line}:${location.column + 1}`;
}
