/**
 * Keeps transactions that LMDB 1.0, as lmdb 3.5 brings it, would lose.
 *
 * LMDB keeps the number of the last transaction in its lock file, and a writer builds on
 * the state of that number. A process that opens the store sets the number from what it
 * read a moment before, without a lock (ITS#9496, mended in later versions of LMDB):
 *
 *     process A                    process B             last transaction
 *     commits 7                                          7
 *                                  opens: reads 7        7
 *     commits 8, tells its caller                        8
 *                                  sets it to 7          7
 *     begins another 8, on the state of 7: the first 8 is gone
 *
 * The file of the data knows better: it has the numbers of both of its latest states. So
 * each transaction, which has LMDB's lock, first compares. If it was begun on an old
 * state, it changes nothing, mends the number and is done again.
 */

import type { RootDatabase } from 'lmdb';
import { KvError } from '../errors.ts';
import type { LockFile } from './files.ts';

/** More than one is needed only while others open the store at the same moment. */
const MAX_ATTEMPTS = 100;

/** A process that opens the store is behind by the commits of a millisecond. */
const MAX_SETBACK = 10_000;

const STALE = Symbol('begun on an old state');

/** Runs `change` in a write transaction that is known to build on the latest state. */
export async function guardedTransaction<Result>(
  root: RootDatabase<Buffer, Buffer>,
  lock: LockFile,
  change: () => Result,
): Promise<Result> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const result = await root.transaction(() => (isOnLatest(root, lock) ? change() : STALE));
    if (result !== STALE) return result as Result;
  }
  const message = `the state of the store changed under ${MAX_ATTEMPTS} transactions; try again`;
  throw new KvError('ERR_KV_UNAVAILABLE', message);
}

/** Only in a write transaction. If it is not on the latest state, the next one will be. */
function isOnLatest(root: RootDatabase<Buffer, Buffer>, lock: LockFile): boolean {
  const latest = latestState(root);
  const base = root.getWriteTxnId() - 1;
  if (base === latest) return true;
  const known = lock.lastTransaction;
  // Whatever else it may be, we do not write to a file that is not as we know it.
  if (!(known <= latest && known > latest - MAX_SETBACK)) {
    const message = `the store has state ${latest}, its lock file says ${known}; end all processes that use it and start them again`;
    throw new KvError('ERR_KV_UNAVAILABLE', message);
  }
  // Yet another process that opens the store may have put it right already.
  if (known !== latest) lock.lastTransaction = latest;
  return false;
}

/** The number of the latest state in the data file; lmdb gives it, but not in its types. */
function latestState(root: RootDatabase<Buffer, Buffer>): number {
  const { env } = root as unknown as { env: { info(): { lastTxnId: number } } };
  return env.info().lastTxnId;
}
