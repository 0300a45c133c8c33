/** Waits in HELO for those who say so in it; answers everybody else at once. */

import { http, type Session, settings, sleep } from 'postern';

const WAIT_MS = 1000;
const { ports } = settings as { readonly ports: readonly number[] };

export const options = {
  wall: '60s',
  http: ports.map((port) => `127.0.0.1:${port}`),
};

let next = 0;

export async function waitFor(what: string): Promise<void> {
  if (what === 'sleep') await sleep(WAIT_MS);
  if (what === 'http') {
    next = (next + 1) % ports.length;
    await http.fetch(`http://127.0.0.1:${ports[next]}/`);
  }
}

export function helo({ helo: name }: Session): Promise<void> | undefined {
  return name === 'none' ? undefined : waitFor(name ?? '');
}
