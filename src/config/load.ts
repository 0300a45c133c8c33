/** Finds, runs and checks the configuration. */

import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Config, KvConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { runConfigFile } from './config-file.ts';
import { formatKvUrl, parseKvUrl } from './kv-url.ts';
import { type Mistake, mistakesOf } from './mistakes.ts';
import { type ListenCheck, resolveConfig } from './resolve.ts';
import { resolveKv } from './resolve-kv.ts';
import { configKeys, configSchema, type ParsedConfig } from './schema.ts';
import { shownPath } from './shown-path.ts';

/** The file that is used when it is there and none was named. */
export const CONFIG_FILE = 'postern.config.ts';

/** Flags of the command line; each replaces a key of the configuration. */
export interface ConfigFlags {
  /** `--listen`, instead of `milter.listen`. */
  readonly listen?: readonly string[];
  /** `--filter`, instead of `filters`; paths relative to the working folder. */
  readonly filter?: readonly string[];
  /** `--kv`, instead of `kv.default`; a path in it relative to the working folder. */
  readonly kv?: string;
  /** `--workers`, instead of `workers`; a text as the command line gives it is fine. */
  readonly workers?: number | string;
}

export interface LoadOptions {
  /** The configuration file (`-c`), relative to `cwd`. */
  readonly file?: string;
  /** The working folder, absolute. */
  readonly cwd: string;
  readonly flags?: ConfigFlags;
  /** Says what is wrong with the spec of a listener; without it specs are not checked. */
  readonly checkListen?: ListenCheck;
}

/**
 * The configuration in force. Without `file` it is `./postern.config.ts` if that is there
 * and no filter was given by a flag, else the defaults with the flags' filters.
 * Throws {@link ConfigError} with every mistake that was found.
 */
export async function loadConfig(options: LoadOptions): Promise<Config> {
  const { parsed, folder, file, fail } = await readConfig(options);
  const { config, mistakes } = resolveConfig(parsed, {
    folder,
    ...(file !== undefined && { file }),
    ...(options.checkListen && { checkListen: options.checkListen }),
  });
  if (mistakes.length > 0) throw fail(mistakes);
  return config;
}

/** The stores of the configuration alone, for those who want no filters: without a file, the default store. */
export async function loadStores(
  options: Omit<LoadOptions, 'checkListen'>,
): Promise<{ readonly kv: KvConfig; readonly folder: string }> {
  const { parsed, folder, fail } = await readConfig(options);
  const mistakes: Mistake[] = [];
  const kv = resolveKv(parsed.kv, folder, mistakes);
  if (mistakes.length > 0) throw fail(mistakes);
  return { kv, folder };
}

interface ReadConfig {
  readonly parsed: ParsedConfig;
  readonly folder: string;
  readonly file: string | undefined;
  readonly fail: (mistakes: readonly Mistake[]) => ConfigError;
}

/** The configuration as written, with the flags, of the right shape. */
async function readConfig(options: LoadOptions): Promise<ReadConfig> {
  const { cwd, flags = {} } = options;
  const file = configFile(options);
  const shown = file === undefined ? undefined : shownPath(file, cwd);
  const written = file === undefined ? {} : await runConfigFile(file, cwd);
  const raw = withFlags(written, flags, cwd);
  const fail = (mistakes: readonly Mistake[]) =>
    new ConfigError(
      mistakes.map((mistake) => ({ ...mistake, path: flagOrKey(mistake.path, flags, written) })),
      shown,
    );
  const parsed = configSchema.safeParse(raw);
  if (!parsed.success) throw fail(mistakesOf(parsed.error.issues, raw, configKeys));
  const folder = file === undefined ? cwd : dirname(file);
  return { parsed: parsed.data, folder, file, fail };
}

function configFile({ file, cwd, flags }: LoadOptions): string | undefined {
  if (file !== undefined) return resolve(cwd, file);
  const usual = join(cwd, CONFIG_FILE);
  return !flags?.filter?.length && existsSync(usual) ? usual : undefined;
}

/** The configuration as written, with flags in the place of keys and one listener as a list of one. */
function withFlags(written: unknown, flags: ConfigFlags, cwd: string): unknown {
  if (!isObject(written)) return written;
  const raw: Record<string, unknown> = { ...written };
  if (flags.listen?.length) raw.milter = { ...objectIn(raw.milter), listen: flags.listen };
  else if (isObject(raw.milter) && raw.milter.listen !== undefined) {
    raw.milter = { ...raw.milter, listen: [raw.milter.listen].flat() };
  }
  const auth = objectIn(raw.auth);
  if (isObject(auth.policy) && auth.policy.listen !== undefined)
    raw.auth = { ...auth, policy: { ...auth.policy, listen: [auth.policy.listen].flat() } };
  if (flags.filter?.length) raw.filters = flags.filter.map((path) => resolve(cwd, path));
  if (flags.kv !== undefined) {
    const url = parseKvUrl(flags.kv, cwd);
    raw.kv = { ...objectIn(raw.kv), default: 'mistake' in url ? flags.kv : formatKvUrl(url) };
  }
  if (flags.workers !== undefined) {
    raw.workers = /^\d+$/.test(String(flags.workers)) ? Number(flags.workers) : flags.workers;
  }
  return raw;
}

/** Where a person has to look: the flag, if the value came from one. */
function flagOrKey(path: string, flags: ConfigFlags, written: unknown): string {
  if (flags.listen?.length && path.startsWith('milter.listen')) return '--listen';
  if (flags.filter?.length && path.startsWith('filters')) return '--filter';
  if (flags.kv !== undefined && path === 'kv.default') return '--kv';
  if (flags.workers !== undefined && path === 'workers') return '--workers';
  const one =
    isObject(written) && isObject(written.milter) && !Array.isArray(written.milter.listen);
  return one ? path.replace('milter.listen[0]', 'milter.listen') : path;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The keys of `value` if it has any; a wrong value is a mistake that the schema will find. */
function objectIn(value: unknown): Record<string, unknown> {
  return isObject(value) ? value : {};
}
