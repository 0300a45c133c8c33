import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
import { join } from 'node:path';
import * as codec from '../src/index.ts';
import { bytes } from './wire.ts';

/** What the example under this heading exports. */
function example(heading: string): Record<string, (...args: unknown[]) => void> {
  const readme = readFileSync(join(__dirname, '../README.md'), 'utf8');
  const block = readme.split(`## ${heading}\n`)[1]?.match(/```ts\n(.*?)```/s)?.[1] ?? '';
  const exported: string[] = [];
  const script = stripTypeScriptTypes(block)
    .replace(/import \{(.*?)\} from 'net-milter-codec';/s, 'const {$1} = codec;')
    .replace(/export function (\w+)/g, (_, name: string) => {
      exported.push(name);
      return `function ${name}`;
    });
  return new Function('codec', `${script}\nreturn { ${exported.join()} };`)(codec);
}

class FakeSocket extends EventEmitter {
  readonly written: Buffer[] = [];
  destroyed = false;

  write(data: Buffer): void {
    this.written.push(data);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

describe('the examples of the README', () => {
  test('serve an MTA', () => {
    const socket = new FakeSocket();
    example('A filter').serve?.(socket);
    socket.emit(
      'data',
      bytes('0000000d "O" 00000006 000001ff 001fffff 00000002 "DC" 00000001 "E"'),
    );
    expect(socket.written).toEqual([
      bytes('0000000d "O" 00000006 00000001 00000000'),
      bytes('0000000c "hX-Seen" 00 "yes" 00 00000001 "c"'),
    ]);
    socket.emit('data', bytes('"GET /"'));
    expect(socket.destroyed).toBe(true);
  });

  test('negotiate with a filter', () => {
    const socket = new FakeSocket();
    const wants: number[][] = [];
    example('An MTA').negotiate?.(socket, (...flags: number[]) => wants.push(flags));
    expect(socket.written).toEqual([bytes('0000000d "O" 00000006 000001ff 001fffff')]);
    socket.emit('data', bytes('0000000d "O" 00000006 00000001 0000007f'));
    expect(wants).toEqual([[1, 0x7f]]);
  });
});
