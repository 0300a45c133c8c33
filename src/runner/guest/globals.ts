/** The few globals that an isolate lacks and that code about mail expects. */

import { bytesFromLatin1, latin1FromBytes, textFromLatin1, utf8AsLatin1 } from './bytes.ts';
import { console } from './log.ts';

/** UTF-8 only, as everywhere. */
class TextEncoder {
  readonly encoding = 'utf-8';
  encode(text = ''): Uint8Array {
    return bytesFromLatin1(utf8AsLatin1(String(text)));
  }
}

/** UTF-8 (bytes that are no UTF-8 are read as Latin-1) and Latin-1. */
class TextDecoder {
  readonly encoding: string;
  constructor(label = 'utf-8') {
    const encoding = String(label).toLowerCase();
    if (!['utf-8', 'utf8', 'latin1', 'iso-8859-1', 'us-ascii', 'ascii'].includes(encoding)) {
      throw new RangeError(`TextDecoder: "${label}" is not known here, only utf-8 and latin1`);
    }
    this.encoding = encoding.startsWith('utf') ? 'utf-8' : 'iso-8859-1';
  }
  decode(bytes: Uint8Array | ArrayBuffer = new Uint8Array()): string {
    const latin1 = latin1FromBytes(bytes instanceof ArrayBuffer ? new Uint8Array(bytes) : bytes);
    return this.encoding === 'utf-8' ? textFromLatin1(latin1) : latin1;
  }
}

export function installGlobals(): void {
  for (const [name, value] of Object.entries({ console, TextEncoder, TextDecoder })) {
    Object.defineProperty(globalThis, name, {
      value,
      writable: true,
      configurable: true,
      enumerable: false,
    });
  }
}
