/**
 * The file of a Unix socket: made ready before a listener binds it, given its permissions
 * after. The process that binds does this: with worker processes that is the supervisor.
 */

import { chmod, chown, lstat, readFile, unlink } from 'node:fs/promises';
import { connect } from 'node:net';

/** Who may connect: permission bits, owner and group (names or numbers). */
export interface SocketFileOptions {
  readonly mode?: number;
  readonly owner?: string | number;
  readonly group?: string | number;
}

/** A path where a listener cannot have its socket. */
export class SocketFileError extends Error {
  readonly code: 'ERR_SOCKET_LIVE' | 'ERR_SOCKET_NOT_A_SOCKET' | 'ERR_SOCKET_FILE';
  constructor(code: SocketFileError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'SocketFileError';
    this.code = code;
  }
}

/**
 * Makes the path free for a listener: removes a socket that a dead process left behind.
 * Throws {@link SocketFileError} if somebody answers there or if it is no socket.
 */
export async function prepareUnixSocket(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unusable(path, error);
  });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new SocketFileError('ERR_SOCKET_NOT_A_SOCKET', `${path} exists and is not a socket`);
  }
  if (await answers(path)) {
    throw new SocketFileError('ERR_SOCKET_LIVE', `another process is listening at ${path}`);
  }
  await unlink(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw unusable(path, error);
  });
}

/** Whether a process accepts connections there. */
function answers(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      // A full queue of connections (EAGAIN) is a sign of life.
      else if (error.code === 'EAGAIN') resolve(true);
      else reject(unusable(path, error));
    });
  });
}

/** Sets permissions and owner of a socket that is bound. Throws {@link SocketFileError}. */
export async function applySocketMode(path: string, options: SocketFileOptions): Promise<void> {
  try {
    if (options.owner !== undefined || options.group !== undefined) {
      const user = await idOf(options.owner, '/etc/passwd');
      const group = await idOf(options.group, '/etc/group');
      await chown(path, user, group);
    }
    // After chown, which clears some bits.
    if (options.mode !== undefined) await chmod(path, options.mode);
  } catch (error) {
    throw error instanceof SocketFileError ? error : unusable(path, error);
  }
}

/** chown(2): this number leaves owner or group as they are. */
const UNCHANGED = 0xffff_ffff;

/** The number of a user or group: the third field of its line (passwd(5), group(5)). */
async function idOf(name: string | number | undefined, file: string): Promise<number> {
  if (name === undefined) return UNCHANGED;
  if (typeof name === 'number') return name;
  if (/^\d+$/.test(name)) return Number(name);
  for (const line of (await readFile(file, 'utf8')).split('\n')) {
    const [lineName, , id] = line.split(':');
    if (lineName === name && id !== undefined && /^\d+$/.test(id)) return Number(id);
  }
  throw new SocketFileError('ERR_SOCKET_FILE', `'${name}' is not in ${file}`);
}

function unusable(path: string, error: unknown): SocketFileError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SocketFileError('ERR_SOCKET_FILE', `cannot use ${path}: ${reason}`, error);
}
