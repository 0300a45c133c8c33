/** The guest library as one script: `postern` as filters see it, and the isolate's side of the border. */

import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const ENTRY = join(dirname(fileURLToPath(import.meta.url)), '..', 'runner', 'guest', 'index.ts');

/** A script whose completion value is a GuestBorder. */
export async function compileGuest(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [ENTRY],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: 'posternGuest',
    footer: { js: 'posternGuest.default;' },
    platform: 'neutral',
    target: 'es2024',
    logLevel: 'silent',
  });
  return outputFiles[0]!.text;
}
