/** What went wrong with a Redis, as an error of ours: what, where, and what to do. */

import { KvError, reasonOf } from '../errors.ts';

/** Answers of the server that are about the server, and what can be done. */
const ADVICE: Readonly<Record<string, string>> = {
  NOAUTH: 'write the password into the URL, redis://:password@host',
  WRONGPASS: 'correct the name or password in the URL',
  NOPERM: "give the URL's user the rights for these commands and keys (ACL SETUSER)",
  READONLY: 'this is a replica: name the master, or use redis+sentinel:',
  OOM: "the server's memory is full: raise maxmemory",
  LOADING: 'it reads its data after a start: wait',
  MISCONF: 'it cannot save its data: look at its log and disk',
  MASTERDOWN: 'this is a replica without its master: name the master',
  NOREPLICAS: 'it wants more replicas (min-replicas-to-write)',
  CLUSTERDOWN: 'look at redis-cli cluster info',
  BUSY: 'another script runs too long: SCRIPT KILL',
  MOVED: 'the cluster is being changed: try again; one node of a cluster needs redis+cluster:',
  ASK: 'the cluster is being changed: try again',
  TRYAGAIN: 'the cluster is being changed: try again',
};

/** The word that a server's error begins with, also where a script met the error. */
export function errorWord(message: string): string | undefined {
  const word = /^([A-Z]{3,}) /.exec(message)?.[1];
  return word === undefined || word === 'ERR' ? /-([A-Z]{3,}) /.exec(message)?.[1] : word;
}

/**
 * The error of a call that could not be performed.
 *
 * @param store its URL without a password
 * @param lastError what the connection met last
 */
export function failure(store: string, error: unknown, lastError?: unknown): KvError {
  if (error instanceof KvError) return error;
  const reason = reasonText(error);
  const advice = ADVICE[errorWord(reason) ?? ''];
  if (advice !== undefined) {
    const message = `${store}: the server refused: ${reason}; ${advice}`;
    return new KvError('ERR_KV_UNAVAILABLE', message, { cause: safeCause(error) });
  }
  if (isLost(error)) {
    const message = `${store}: the connection was lost before the answer came (${reasonText(lastError ?? error)}); what was asked may have happened or not; see that the server runs`;
    return new KvError('ERR_KV_UNAVAILABLE', message, { cause: safeCause(error) });
  }
  const message = `${store}: ${reason}; look at the server's log and version (6.2 or later)`;
  return new KvError('ERR_KV_UNAVAILABLE', message, { cause: safeCause(error) });
}

/** The error of a call for which there was no connection. */
export function notConnected(store: string, lastError: unknown): KvError {
  const reason = lastError === undefined ? 'it has not answered yet' : reasonText(lastError);
  const advice =
    ADVICE[errorWord(reason) ?? ''] ?? 'see that the server runs and that the URL is right';
  return new KvError('ERR_KV_UNAVAILABLE', `${store}: not connected: ${reason}; ${advice}`);
}

/** Whether the server does not know a script. */
export function isScriptMissing(error: unknown): boolean {
  return /^NOSCRIPT\b/.test(reasonOf(error));
}

/** Whether a plain command met a key of another type. */
export function isWrongType(error: unknown): boolean {
  return /^WRONGTYPE\b/.test(reasonOf(error));
}

function isLost(error: unknown): boolean {
  return /Connection is closed|max retries per request|aborted|timed out|writeable|writable/i.test(
    reasonOf(error),
  );
}

/** Whether the library says no more than that a connection has ended. */
export function isNoReason(message: string): boolean {
  return /^(Connection is closed|Reached the max retries per request|Stream isn't writeable)/.test(
    message,
  );
}

/** What the library says, without its own words for its own options. */
function reasonText(error: unknown): string {
  const message = reasonOf(error);
  const code = (error as { code?: unknown } | null | undefined)?.code;
  const silence = /^Socket timeout.*in (\d+)ms/.exec(message)?.[1];
  if (silence !== undefined) return `no answer in ${silence} ms`;
  if (isNoReason(message)) return 'the connection was closed';
  if (/^Unknown RESP type/.test(message)) return 'what answers there is no Redis';
  // Several addresses of one name were tried: the message is empty.
  if (message === '' && typeof code === 'string') return code;
  return message;
}

/** The library notes the arguments of commands in its errors: passwords and values. */
function safeCause(error: unknown): Error {
  const cause = new Error(reasonOf(error));
  if (error instanceof Error) cause.name = error.name;
  return cause;
}
