/** URLs that name a store: `lmdb:./data`, `memory:`. */

import { resolve } from 'node:path';

/** What a store URL means. */
export type KvUrl =
  | { readonly scheme: 'memory' }
  /** `path`: the absolute path of a folder. */
  | { readonly scheme: 'lmdb'; readonly path: string };

/** What is wrong with a store URL; never shows more of it than its scheme (it may hold a password). */
export interface KvUrlMistake {
  readonly mistake: string;
}

const EXPECTED = "expected 'lmdb:./folder' or 'memory:'";

/** Reads a store URL; paths in it are relative to `folder`. */
export function parseKvUrl(url: unknown, folder: string): KvUrl | KvUrlMistake {
  if (typeof url !== 'string') return { mistake: EXPECTED };
  const [, scheme, rest = ''] = /^([a-z][a-z0-9+.-]*):(.*)$/s.exec(url) ?? [];
  switch (scheme) {
    case undefined:
      return { mistake: `${EXPECTED}, got a text without a scheme` };
    case 'memory':
      return rest === '' ? { scheme } : { mistake: "expected 'memory:' with nothing behind it" };
    case 'lmdb':
      if (rest === '') return { mistake: "expected a folder after 'lmdb:', such as 'lmdb:./data'" };
      // lmdb://data would mean /data to one reader and ./data to another.
      if (rest.startsWith('//')) {
        return { mistake: "expected 'lmdb:./folder' or 'lmdb:/folder', without //" };
      }
      return { scheme, path: resolve(folder, rest) };
    default:
      return { mistake: `this version has no store '${scheme}:'; ${EXPECTED}` };
  }
}

/** The URL that means the same from every working folder. */
export function formatKvUrl(url: KvUrl): string {
  return url.scheme === 'lmdb' ? `lmdb:${url.path}` : 'memory:';
}
