/** Opens LMDB environments, with the settings that make them fit to be shared. */

import { closeSync, mkdirSync, openSync, readSync } from 'node:fs';
import { endianness } from 'node:os';
import { join } from 'node:path';
import { type Database, open, type RootDatabase } from 'lmdb';
import { KvError, reasonOf } from './errors.ts';

export type Table = Database<Buffer, Buffer>;

export interface Environment {
  readonly root: RootDatabase<Buffer, Buffer>;
  readonly entries: Table;
  readonly expiries: Table;
}

/** Opens or makes the store in a folder (absolute path). Throws {@link KvError}. */
export function openEnvironment(path: string): Environment {
  try {
    // What filters remember about people is nobody else's business.
    mkdirSync(path, { recursive: true, mode: 0o700 });
    checkHeader(join(path, 'data.mdb'));
    const root = openRoot(path);
    return { root, entries: openTable(root, 'entries'), expiries: openTable(root, 'expiries') };
  } catch (cause) {
    if (cause instanceof KvError) throw cause;
    const message = `cannot open the store in ${path}: ${reasonOf(cause)}; it needs a folder that this user may write to`;
    throw new KvError('ERR_KV_UNAVAILABLE', message, { cause });
  }
}

function openRoot(path: string): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path,
    // Else lmdb takes a folder with a dot in its name for a file.
    noSubdir: false,
    // Keys as they are: in lmdb's own encoding a text cannot hold a NUL.
    keyEncoding: 'binary',
    encoding: 'binary',
    maxDbs: 2,
    // Processes (workers and command lines) that read at the same moment.
    maxReaders: 512,
    // Address space, not disk or memory: remapping a growing file is work for every process.
    mapSize: 1024 ** 3,
    // An answer is given when the change is committed: then every process sees it, and the
    // death of a process, even by kill -9, does not take it back. The disk is flushed right
    // after, outside the lock, so writers do not wait for each other's disk. If the power
    // fails, the store opens at the last state that was flushed, whole. noSync would be
    // faster and could leave a broken store instead.
    overlappingSync: true,
    // With lmdb's batches a failed commit (a full disk) also rejects a promise that nobody
    // can get hold of, which ends the process. Transactions share commits without them, too.
    eventTurnBatching: false,
  });
}

function openTable(root: RootDatabase<Buffer, Buffer>, name: string): Table {
  return root.openDB<Buffer, Buffer>(name, { keyEncoding: 'binary', encoding: 'binary' });
}

/** MDB_MAGIC and MDB_DATA_VERSION, as LMDB 1.0 writes them behind its page header. */
const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const MAGIC_OFFSET = 24;

/** lmdb ends the process with a segmentation fault when its file is none of its own. */
function checkHeader(file: string): void {
  const header = Buffer.alloc(MAGIC_OFFSET + 8);
  let length: number;
  try {
    const descriptor = openSync(file, 'r');
    try {
      length = readSync(descriptor, header, 0, header.length, 0);
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    // A new store; whatever else is wrong, LMDB itself will say.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // Another process may be about to make the same store.
  if (length === 0) return;
  const uint32 = (offset: number) =>
    endianness() === 'LE' ? header.readUInt32LE(offset) : header.readUInt32BE(offset);
  const ours =
    length === header.length &&
    uint32(MAGIC_OFFSET) === MAGIC &&
    uint32(MAGIC_OFFSET + 4) === DATA_VERSION;
  if (ours) return;
  const message = `cannot open the store in ${file}: this is not a store, or one of another version of LMDB; name another folder, or move this one away to begin with an empty store`;
  throw new KvError('ERR_KV_UNAVAILABLE', message);
}
