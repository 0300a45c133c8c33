/** What we know of LMDB's two files beyond its interface. */

import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { KvError } from '../errors.ts';

/** MDB_MAGIC and MDB_DATA_VERSION, as LMDB 1.0 writes them behind its page header. */
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const DATA_MAGIC_OFFSET = 24;

/**
 * Throws {@link KvError} if the data file in this folder is not LMDB's: lmdb would end the
 * process with a segmentation fault. A file that is absent or empty is a new store.
 */
export function checkDataFile(folder: string): void {
  const file = join(folder, 'data.mdb');
  const header = Buffer.alloc(DATA_MAGIC_OFFSET + 8);
  const length = readStart(file, header);
  if (length === 0) return;
  const ours =
    length === header.length &&
    readUint32(header, DATA_MAGIC_OFFSET) === MAGIC &&
    readUint32(header, DATA_MAGIC_OFFSET + 4) === DATA_VERSION;
  if (ours) return;
  const message = `cannot open the store in ${folder}: data.mdb is not a store, or one of another version of LMDB; name another folder, or move this one away to begin with an empty store`;
  throw new KvError('ERR_KV_UNAVAILABLE', message);
}

function readStart(file: string, bytes: Buffer): number {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
  try {
    return readSync(descriptor, bytes, 0, bytes.length, 0);
  } finally {
    closeSync(descriptor);
  }
}

/** The lock file begins: magic (4 bytes), format (4), number of the last transaction (8). */
const TRANSACTION_OFFSET = 8;

/**
 * LMDB's lock file, which all processes that have the store open share. Must be closed
 * after the environment: closing any descriptor of a file gives up all locks that the
 * process has on it, LMDB's own included.
 */
export class LockFile {
  readonly #descriptor: number;

  constructor(folder: string) {
    this.#descriptor = openSync(join(folder, 'lock.mdb'), 'r+');
  }

  /** The transaction that writers build on: the last one, as far as the file knows. */
  get lastTransaction(): number {
    const bytes = Buffer.alloc(TRANSACTION_OFFSET + 8);
    readSync(this.#descriptor, bytes, 0, bytes.length, 0);
    if (readUint32(bytes, 0) !== MAGIC) return Number.NaN;
    const { low, high } = halves();
    return readUint32(bytes, high) * 2 ** 32 + readUint32(bytes, low);
  }

  set lastTransaction(transaction: number) {
    const bytes = Buffer.alloc(8);
    const { low, high } = halves();
    writeUint32(bytes, high - TRANSACTION_OFFSET, Math.floor(transaction / 2 ** 32));
    writeUint32(bytes, low - TRANSACTION_OFFSET, transaction % 2 ** 32);
    writeSync(this.#descriptor, bytes, 0, 8, TRANSACTION_OFFSET);
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Both files are in the order of bytes of the machine. */
const LITTLE_ENDIAN = endianness() === 'LE';

function halves(): { low: number; high: number } {
  const [first, second] = [TRANSACTION_OFFSET, TRANSACTION_OFFSET + 4];
  return LITTLE_ENDIAN ? { low: first, high: second } : { low: second, high: first };
}

function readUint32(bytes: Buffer, offset: number): number {
  return LITTLE_ENDIAN ? bytes.readUInt32LE(offset) : bytes.readUInt32BE(offset);
}

function writeUint32(bytes: Buffer, offset: number, value: number): void {
  if (LITTLE_ENDIAN) bytes.writeUInt32LE(value, offset);
  else bytes.writeUInt32BE(value, offset);
}
