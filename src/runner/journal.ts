/**
 * The runner's last words. Before it enters an isolate, a runner notes which handler it is about
 * to run; when it dies or has to be killed in there, the worker reads the note and knows which
 * handler it was. The note is eight bytes at the beginning of a file without a name, so that it
 * costs one system call and survives every kind of death.
 */

import { closeSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The descriptor by which a runner inherits its journal. */
export const JOURNAL_FD = 4;

const NOTE_BYTES = 8;

export interface JournalNote {
  readonly event: number;
  readonly filter: number;
}

/** The runner's end. */
export class JournalWriter {
  readonly #note = Buffer.alloc(NOTE_BYTES);
  readonly #fd: number;

  constructor(fd: number) {
    this.#fd = fd;
  }

  entering(event: number, filter: number): void {
    this.#note.writeUInt32BE(event, 0);
    this.#note.writeUInt32BE(filter, 4);
    writeSync(this.#fd, this.#note, 0, NOTE_BYTES, 0);
  }
}

/** The worker's end: makes the file, and reads it when the runner is dead. */
export class Journal {
  readonly fd: number;

  constructor() {
    const folder = mkdtempSync(join(tmpdir(), 'postern-journal-'));
    this.fd = openSync(join(folder, 'note'), 'w+', 0o600);
    rmSync(folder, { recursive: true });
  }

  /** The handler that was entered last; `undefined` if none ever was. */
  read(): JournalNote | undefined {
    const note = Buffer.alloc(NOTE_BYTES);
    if (readSync(this.fd, note, 0, NOTE_BYTES, 0) < NOTE_BYTES) return undefined;
    return { event: note.readUInt32BE(0), filter: note.readUInt32BE(4) };
  }

  close(): void {
    closeSync(this.fd);
  }
}
