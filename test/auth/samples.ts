/** What Dovecot and nginx sent, recorded. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Attributes } from '../../src/policy/logins.ts';

const FIXTURES = join(__dirname, '..', '..', 'fixtures');

export function dovecotText(name: string): string {
  return readFileSync(join(FIXTURES, 'dovecot', `${name}.json`), 'utf8').trim();
}

export function dovecotSample(name: string): Attributes {
  return JSON.parse(dovecotText(name)) as Attributes;
}

/** The request as it was on the wire. */
export function nginxText(name: string): string {
  return readFileSync(join(FIXTURES, 'nginx', `${name}.http`), 'latin1');
}

/** Its headers as node:http gives them. */
export function nginxRawHeaders(name: string): string[] {
  return nginxText(name)
    .split('\r\n')
    .slice(1)
    .filter((line) => line !== '')
    .flatMap((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon), line.slice(colon + 1).trim()];
    });
}
