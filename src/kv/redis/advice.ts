/** What in a server's set-up endangers what is kept in it. */

import type { RedisConnection } from './connection.ts';
import { textOf } from './reply.ts';

type Master = Awaited<ReturnType<RedisConnection['masters']>>[number];

const SETTINGS = ['maxmemory', 'maxmemory-policy', 'appendonly', 'save'] as const;

type Settings = Readonly<Record<(typeof SETTINGS)[number], string | undefined>>;

/** Sentences, each about one thing; none where the server does not tell its set-up. */
export async function setUpAdvice(connection: RedisConnection): Promise<string[]> {
  try {
    const masters = await connection.masters();
    return (await Promise.all(masters.map((master) => adviceOf(connection, master)))).flat();
  } catch {
    return [];
  }
}

async function adviceOf(connection: RedisConnection, [name, master]: Master): Promise<string[]> {
  const replies = SETTINGS.map((setting) => connection.ask(master, 'config', 'GET', setting));
  const [settings, role] = await Promise.all([
    Promise.all(replies).then(settingsOf, () => undefined),
    connection.ask(master, 'role').then(roleOf, () => undefined),
  ]);
  const where = name === '' ? connection.shown : `${connection.shown}: ${name}`;
  return [...(settings ? dangers(settings) : []), ...(role === 'slave' ? [REPLICA] : [])].map(
    (danger) => `${where}: ${danger}`,
  );
}

const REPLICA = 'this is a replica, to which nothing can be written; name the master';

function dangers(settings: Settings): string[] {
  const found: string[] = [];
  const policy = settings['maxmemory-policy'] ?? 'noeviction';
  if (policy !== 'noeviction' && settings.maxmemory !== '0') {
    found.push(
      `maxmemory-policy is ${policy}: when its memory is full, the server throws counters away; set it to noeviction`,
    );
  }
  if (settings.appendonly === 'no' && settings.save === '') {
    found.push(
      'nothing is saved to disk (appendonly no, save ""): all counters are lost when the server ends; set appendonly to yes',
    );
  }
  return found;
}

function settingsOf(replies: readonly unknown[]): Settings {
  const values = replies.map((reply) => (reply as readonly unknown[])[1]);
  return Object.fromEntries(
    SETTINGS.map((name, n) => [name, values[n] === undefined ? undefined : textOf(values[n])]),
  ) as Settings;
}

function roleOf(reply: unknown): string {
  return textOf((reply as readonly unknown[])[0]);
}
