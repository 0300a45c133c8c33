/** LMDB's environment of a folder: opened once in a process, shared with other processes. */

import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { type Database, open, type RootDatabase } from 'lmdb';
import { KvError, reasonOf } from '../errors.ts';
import { checkDataFile, LockFile } from './files.ts';
import { guardedTransaction } from './guard.ts';
import { inTurn } from './turns.ts';

/** Reads see the latest state; all writing goes through `write`. */
export interface Environment {
  readonly rows: Database<Buffer, Buffer>;
  /** Runs `change` in a write transaction; gives its result when that is committed. */
  write<Result>(change: () => Result): Promise<Result>;
  /** Each one who opened it closes it, once. */
  close(): Promise<void>;
}

/** How long the end of a process waits for the lock of the store. */
const CLOSE_WAIT_MS = 1000;

/**
 * Environments that this process has open, by folder. A second one of the same folder
 * would let go of the process's lock on it when it is opened.
 */
const opened = new Map<string, { environment: Promise<Environment>; users: number }>();

/** Opens or makes the store in a folder (absolute path). Rejects with {@link KvError}. */
export async function openEnvironment(path: string): Promise<Environment> {
  try {
    // What filters remember about people is nobody else's business.
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const folder = realpathSync(path);
    const shared = opened.get(folder) ?? { environment: openFolder(folder), users: 0 };
    opened.set(folder, shared);
    shared.users++;
    const environment = await shared.environment.catch((error: unknown) => {
      opened.delete(folder);
      throw error;
    });
    return { ...environment, close: () => release(folder) };
  } catch (cause) {
    if (cause instanceof KvError) throw cause;
    const message = `cannot open the store in ${path}: ${reasonOf(cause)}; it needs a folder that this user may write to`;
    throw new KvError('ERR_KV_UNAVAILABLE', message, { cause });
  }
}

async function release(folder: string): Promise<void> {
  const shared = opened.get(folder);
  if (shared === undefined || --shared.users > 0) return;
  opened.delete(folder);
  await (await shared.environment).close();
}

async function openFolder(folder: string): Promise<Environment> {
  const { dev, ino } = statSync(folder);
  const turn = `store ${dev}:${ino}`;
  // The last one to close an environment destroys the locks in it; who opens it at that
  // moment would find them destroyed.
  const [root, lock] = await inTurn(turn, () => {
    checkDataFile(folder);
    return [openRoot(folder), new LockFile(folder)] as const;
  });
  const write = <Result>(change: () => Result) => guardedTransaction(root, lock, change);
  // Opening may have set the number of the last transaction back: mend it now, so that
  // nobody reads an old state, and lmdb's flushing does not wait for a number to come.
  const mend = () => write(() => undefined);
  await mend();
  const close = async () => {
    // A process that is stopped while it has the lock must not keep this one from ending.
    const mended = mend().then(
      () => true,
      () => true,
    );
    const isFree = await Promise.race([mended, setTimeout(CLOSE_WAIT_MS, false, { ref: false })]);
    if (!isFree) return;
    await inTurn(turn, async () => {
      await root.close();
      lock.close();
    });
  };
  return { rows: root, write, close };
}

function openRoot(path: string): RootDatabase<Buffer, Buffer> {
  return open<Buffer, Buffer>({
    path,
    // Else lmdb takes a folder with a dot in its name for a file.
    noSubdir: false,
    // Keys as they are: in lmdb's own encoding a text cannot hold a NUL.
    keyEncoding: 'binary',
    encoding: 'binary',
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
