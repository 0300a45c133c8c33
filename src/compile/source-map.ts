/** Positions in a filter's source, from those in its compiled script. */

import { SourceMap, type SourceMapPayload } from 'node:module';
import { resolve } from 'node:path';
import { exportPosition } from './exports.ts';
import { shownFile } from './problem.ts';

/** A frame of V8's stacks: `at name (file:line:column)`, `at file:line:column`, `at async ...`. */
const FRAME = /^(\s+at (?:async )?(?:.*\()?)((?:filter|postern):[^\s:()]+):(\d+):(\d+)(\)?)$/;

export class SourcePositions {
  readonly #map: SourceMap;
  readonly #sources: readonly { readonly path: string; readonly text: string }[];

  /** `map`: a source map as JSON. */
  constructor(map: string) {
    const payload = JSON.parse(map) as SourceMapPayload;
    this.#map = new SourceMap(payload);
    this.#sources = payload.sources.map((path, index) => ({
      path,
      text: payload.sourcesContent[index] ?? '',
    }));
  }

  /** `file:line:column` of a position in the script, all from 1; `undefined` for code that nobody wrote. */
  map(line: number, column: number): string | undefined {
    const entry = this.#map.findEntry(line - 1, column - 1);
    if (!('originalSource' in entry) || entry.originalSource.startsWith('postern:'))
      return undefined;
    return `${shownFile(resolve(entry.originalSource))}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
  }

  /** `file:line:column` of the place where a name is exported, if a light scan finds it. */
  exportOf(name: string): string | undefined {
    for (const { path, text } of this.#sources) {
      const at = path.startsWith('postern:') ? undefined : exportPosition(name, text);
      if (at) return `${shownFile(resolve(path))}:${at.line}:${at.column}`;
    }
    return undefined;
  }

  /** A stack with positions of the source; frames of the guest library are left out. */
  mapStack(stack: string): string {
    return stack
      .split('\n')
      .flatMap((line) => {
        const frame = FRAME.exec(line);
        if (!frame) return line.includes('isolated-vm') ? [] : [line];
        const position = frame[2]!.startsWith('filter:')
          ? this.map(Number(frame[3]), Number(frame[4]))
          : undefined;
        return position === undefined ? [] : [`${frame[1]}${position}${frame[5]}`];
      })
      .join('\n');
  }

  /** The position of the first frame in the source. */
  firstPosition(stack: string): string | undefined {
    for (const line of stack.split('\n')) {
      const frame = FRAME.exec(line);
      const position = frame?.[2]?.startsWith('filter:')
        ? this.map(Number(frame[3]), Number(frame[4]))
        : undefined;
      if (position !== undefined) return position;
    }
    return undefined;
  }
}
