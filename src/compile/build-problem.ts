/** What esbuild found, in words that help the author of a filter. */

import { isBuiltin } from 'node:module';
import { resolve } from 'node:path';
import type { Message } from 'esbuild';
import { suggestion } from '../config/nearest.ts';
import { POSTERN_EXPORTS } from './postern-module.ts';
import { type Problem, shownFile } from './problem.ts';

/** A message of esbuild, whose working folder is ours, as a problem. */
export function problemOf(message: Message): Problem {
  const { location } = message;
  return {
    file: shownFile(location ? resolve(location.file) : ''),
    line: location?.line ?? 1,
    column: (location?.column ?? 0) + 1,
    text: textOf(message),
  };
}

function textOf({ text, notes }: Message): string {
  const [, module] = /^Could not resolve "([^"]+)"$/.exec(text) ?? [];
  if (module !== undefined && isBuiltin(module)) {
    return `filters have no access to "${module}": they may use what "postern" exports, and packages that need no Node module`;
  }
  const [, name] =
    /^No matching export in "postern:postern" for import "([^"]+)"$/.exec(text) ?? [];
  if (name === 'default')
    return 'postern has no default export; write import { ... } from "postern"';
  if (name !== undefined) {
    const hint =
      suggestion(name, POSTERN_EXPORTS) || `; there are ${POSTERN_EXPORTS.join(', ')}, and types`;
    return `postern has no export "${name}"${hint}`;
  }
  if (text.startsWith('Top-level await')) {
    return 'a filter cannot await outside its functions; what has to be ready before them, do in init()';
  }
  const hint = notes.map((note) => note.text).find((note) => note.length < 200);
  return hint === undefined ? text : `${text} (${hint})`;
}
