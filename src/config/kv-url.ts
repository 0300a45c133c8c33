/** URLs that name a store: `lmdb:./data`, `redis://127.0.0.1:6379/0` ... */

import { resolve } from 'node:path';

/** What a store URL means. */
export type KvUrl =
  | { readonly scheme: 'memory' }
  /** `path`: the absolute path of a folder. */
  | { readonly scheme: 'lmdb'; readonly path: string }
  | RedisUrl
  | ({ readonly scheme: 'etcd'; readonly prefix: string } & RemoteUrl)
  | ({ readonly scheme: 'memcached' } & RemoteUrl);

/** Redis or Valkey, which speak the same. */
export type RedisUrl = { readonly scheme: 'redis'; readonly db: number } & Omit<
  RemoteUrl,
  'hosts'
> &
  RedisPlace;

export type RedisPlace =
  | { readonly mode: 'single'; readonly hosts: readonly [Host] }
  /** `path`: of a Unix socket. */
  | { readonly mode: 'unix'; readonly path: string }
  /** `hosts`: the sentinels; `master`: the name of what they watch. */
  | { readonly mode: 'sentinel'; readonly hosts: readonly Host[]; readonly master: string }
  /** `hosts`: some of the nodes, the others are found by themselves. */
  | { readonly mode: 'cluster'; readonly hosts: readonly Host[] };

export interface RemoteUrl {
  readonly hosts: readonly Host[];
  readonly tls: boolean;
  readonly username?: string;
  readonly password?: string;
}

export interface Host {
  /** A name or an address; IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
}

/** What is wrong with a store URL; never shows more of it than its scheme (it may hold a password). */
export interface KvUrlMistake {
  readonly mistake: string;
}

/** Thrown inside this file only. */
class Mistake extends Error {}

const EXPECTED =
  "expected 'lmdb:./folder', 'memory:', 'redis://host:6379/0', 'etcd://host:2379' or 'memcached://host:11211'";

/** Reads a store URL; paths in it are relative to `folder`. */
export function parseKvUrl(url: unknown, folder: string): KvUrl | KvUrlMistake {
  if (typeof url !== 'string') return { mistake: EXPECTED };
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(url) ?? [];
  if (scheme === undefined) return { mistake: `${EXPECTED}, got a text without a scheme` };
  try {
    return parsed(scheme, rest, folder);
  } catch (error) {
    if (error instanceof Mistake) return { mistake: error.message };
    throw error;
  }
}

function parsed(scheme: string, rest: string, folder: string): KvUrl {
  switch (scheme) {
    case 'memory':
      if (rest !== '') throw new Mistake("expected 'memory:' with nothing behind it");
      return { scheme };
    case 'lmdb':
      if (rest === '') throw new Mistake("expected a folder after 'lmdb:', such as 'lmdb:./data'");
      // lmdb://data would mean /data to one reader and ./data to another.
      if (rest.startsWith('//'))
        throw new Mistake("expected 'lmdb:./folder' or 'lmdb:/folder', without //");
      return { scheme, path: resolve(folder, rest) };
    case 'etcd':
    case 'etcds': {
      const { path, ...remote } = parseRemote(rest, 2379, scheme === 'etcds', 'etcd://host:2379');
      return { scheme: 'etcd', prefix: path === '' ? 'postern/' : path, ...remote };
    }
    case 'memcached': {
      const { path, ...remote } = parseRemote(rest, 11211, false, 'memcached://host:11211');
      if (path !== '') throw new Mistake("expected nothing behind the hosts of 'memcached:'");
      return { scheme, ...remote };
    }
    default:
      return parseRedis(scheme, rest, folder);
  }
}

const REDIS_SCHEME = /^(redis|valkey)(s?)(?:\+(unix|sentinel|cluster))?$/;

function parseRedis(scheme: string, rest: string, folder: string): RedisUrl {
  const [whole, , secure, mode = 'single'] = REDIS_SCHEME.exec(scheme) ?? [];
  if (whole === undefined) throw new Mistake(`there is no store '${scheme}:'; ${EXPECTED}`);
  const tls = secure === 's';
  if (mode === 'unix') {
    // A socket's own name may hold an @, where no login stands before it.
    if (!rest.startsWith('///')) checkLogin(rest);
    const [, credentials, path, db = '0'] =
      /^\/\/(?:([^@/]*)@)?(\/[^?]+)(?:\?db=(\d+))?$/.exec(rest) ?? [];
    if (path === undefined || tls)
      throw new Mistake(
        "expected a socket such as 'redis+unix:///run/redis.sock' or '...sock?db=1'",
      );
    return {
      scheme: 'redis',
      mode,
      path: resolve(folder, path),
      db: Number(db),
      tls,
      ...parseCredentials(credentials),
    };
  }
  const port = mode === 'sentinel' ? 26379 : 6379;
  const example = {
    single: 'redis://host:6379/0',
    sentinel: 'redis+sentinel://host1:26379,host2:26379/mymaster',
    cluster: 'redis+cluster://host1:6379,host2:6379',
  }[mode as 'single' | 'sentinel' | 'cluster'];
  const { path, hosts, ...remote } = parseRemote(rest, port, tls, example);
  const common = { scheme: 'redis', ...remote } as const;
  switch (mode) {
    case 'sentinel': {
      const [, master, db = '0'] = /^([A-Za-z0-9._-]+)(?:\/(\d+))?$/.exec(path) ?? [];
      if (master === undefined) throw new Mistake(`expected the master's name, as in '${example}'`);
      return { ...common, mode, hosts, master, db: Number(db) };
    }
    case 'cluster':
      if (path !== '') throw new Mistake('a Redis Cluster has no databases: expected no path');
      return { ...common, mode, hosts, db: 0 };
    default: {
      if (!/^\d*$/.test(path))
        throw new Mistake(`expected the number of a database behind the host, as in '${example}'`);
      const [first, ...more] = hosts;
      if (first === undefined || more.length > 0)
        throw new Mistake(
          `expected one host, as in '${example}'; several are 'redis+cluster:' or 'redis+sentinel:'`,
        );
      return { ...common, mode: 'single', hosts: [first], db: Number(path) };
    }
  }
}

/** `//user:password@host:port,host:port/path`; the path comes without its first slash. */
function parseRemote(
  rest: string,
  defaultPort: number,
  tls: boolean,
  example: string,
): RemoteUrl & { readonly path: string } {
  checkLogin(rest);
  const [, credentials, hosts, path = ''] =
    /^\/\/(?:([^@/]*)@)?([^@/?#]+)(?:\/([^?#]*))?$/.exec(rest) ?? [];
  if (hosts === undefined) throw new Mistake(`expected '${example}'`);
  return {
    hosts: hosts.split(',').map((host) => parseHost(host, defaultPort, example)),
    tls,
    path,
    ...parseCredentials(credentials),
  };
}

/** Else the end of a password would be taken for hosts or a path, which are shown in logs. */
function checkLogin(rest: string): void {
  if (/^\/\/.*[@/?#].*@/s.test(rest))
    throw new Mistake(
      'expected one @, between the password and the host; write @ in a password as %40, / as %2F, ? as %3F and # as %23',
    );
}

function parseHost(text: string, defaultPort: number, example: string): Host {
  const [, bracketed, plain, port] =
    /^(?:\[([0-9a-f:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/i.exec(text) ?? [];
  const host = bracketed ?? plain;
  const number = port === undefined ? defaultPort : Number(port);
  if (host === undefined || number < 1 || number > 65535)
    throw new Mistake(`expected hosts with ports, as in '${example}'`);
  return { host, port: number };
}

function parseCredentials(text: string | undefined): { username?: string; password?: string } {
  if (text === undefined || text === '') return {};
  const at = text.indexOf(':');
  try {
    const username = decodeURIComponent(at < 0 ? text : text.slice(0, at));
    const password = at < 0 ? undefined : decodeURIComponent(text.slice(at + 1));
    return { ...(username !== '' && { username }), ...(password !== undefined && { password }) };
  } catch {
    throw new Mistake("a % in a user's name or password must be written as %25");
  }
}

/** The URL that means the same from every working folder. */
export function formatKvUrl(url: KvUrl): string {
  return formatted(url, true);
}

/** The URL for logs and messages: without its password. */
export function shownKvUrl(url: KvUrl): string {
  return formatted(url, false);
}

function formatted(url: KvUrl, withPassword: boolean): string {
  switch (url.scheme) {
    case 'memory':
      return 'memory:';
    case 'lmdb':
      return `lmdb:${url.path}`;
    case 'etcd':
      return `etcd${url.tls ? 's' : ''}://${authority(url, withPassword)}/${url.prefix}`;
    case 'memcached':
      return `memcached://${authority(url, withPassword)}`;
    case 'redis':
      return formattedRedis(url, withPassword);
    default:
      return url satisfies never;
  }
}

function formattedRedis(url: RedisUrl, withPassword: boolean): string {
  const scheme = `redis${url.tls ? 's' : ''}`;
  switch (url.mode) {
    case 'single':
      return `${scheme}://${authority(url, withPassword)}/${url.db}`;
    case 'unix':
      return `${scheme}+unix://${credentials(url, withPassword)}${url.path}?db=${url.db}`;
    case 'sentinel':
      return `${scheme}+sentinel://${authority(url, withPassword)}/${url.master}/${url.db}`;
    case 'cluster':
      return `${scheme}+cluster://${authority(url, withPassword)}`;
    default:
      return url satisfies never;
  }
}

function authority(url: RemoteUrl, withPassword: boolean): string {
  const hosts = url.hosts.map(({ host, port }) =>
    host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
  );
  return `${credentials(url, withPassword)}${hosts.join(',')}`;
}

function credentials(
  { username = '', password }: Pick<RemoteUrl, 'username' | 'password'>,
  withPassword: boolean,
): string {
  if (username === '' && password === undefined) return '';
  const secret = withPassword ? encodeURIComponent(password ?? '') : '***';
  return `${encodeURIComponent(username)}${password === undefined ? '' : `:${secret}`}@`;
}
