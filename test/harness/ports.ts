/** Ports for programs that cannot choose one themselves. */

import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the ports from which Linux serves outgoing connections (32768 and up): a port
// from there can be taken by any connection before the program binds it.
const LOWEST_PORT = 20_000;
const HIGHEST_PORT = 32_000;

/** A TCP port on loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST_PORT + Math.floor(Math.random() * (HIGHEST_PORT - LOWEST_PORT));
    if (await isFree(port)) return port;
  }
}

/** Different free ports. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
