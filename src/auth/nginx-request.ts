/** What nginx's mail proxy says about a login (auth_http), or about a message where it asks for none. */

import type { AccessRequest, Attributes, LoginAttempt, LoginTls } from '../policy/logins.ts';
import { canonicalAddress } from './address.ts';
import { BadRequest } from './bad-request.ts';
import { decodeBytes, headerText } from './text.ts';

export type NginxRequest =
  | { readonly kind: 'login'; readonly method: string; readonly attempt: LoginAttempt }
  /** `smtp_auth none`: no login, a message. */
  | { readonly kind: 'access'; readonly request: AccessRequest };

/** Headers that filters see: nginx's own. Never the password and its salt, nor what `auth_http_header` adds. */
const SHOWN = /^(?:Auth-(?!Pass$|Salt$)|Client-|Proxy-Protocol-)/i;

/** `rawHeaders` as Node gives them: names and values in turn. Throws {@link BadRequest}. */
export function readNginxRequest(rawHeaders: readonly string[]): NginxRequest {
  const headers = new Map<string, string>();
  const shown: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!;
    if (!SHOWN.test(name)) continue;
    const text = unescaped(name.toLowerCase(), headerText(rawHeaders[at + 1]!));
    headers.set(name.toLowerCase(), text);
    shown.push([name, text]);
  }
  const get = (name: string) => headers.get(name) || undefined;
  const attributes: Attributes = Object.fromEntries(shown);
  const method = get('auth-method');
  if (method === undefined) throw new BadRequest(400, "expected nginx's header Auth-Method");
  const tls = readTls(get);
  if (method === 'none') return { kind: 'access', request: readAccess(get, tls, attributes) };
  const address = canonicalAddress(get('client-ip') ?? '');
  const tries = Number(get('auth-login-attempt'));
  return {
    kind: 'login',
    method,
    attempt: {
      login: headers.get('auth-user') ?? '',
      client: address === undefined ? {} : { address },
      protocol: (get('auth-protocol') ?? 'unknown').toLowerCase(),
      ...(tls && { tls }),
      ...(Number.isSafeInteger(tries) && tries > 0 && { tries }),
      attributes,
    },
  };
}

type Get = (name: string) => string | undefined;

function readAccess(get: Get, tls: LoginTls | undefined, attributes: Attributes): AccessRequest {
  const address = canonicalAddress(get('client-ip') ?? '');
  const hostname = get('client-host');
  const helo = get('auth-smtp-helo');
  const sender = pathOf(get('auth-smtp-from'));
  const recipient = pathOf(get('auth-smtp-to'));
  const size = Number(/\sSIZE=(\d{1,15})(?:\s|$)/i.exec(get('auth-smtp-from') ?? '')?.[1]);
  return {
    state: recipient === undefined ? 'MAIL' : 'RCPT',
    client: {
      ...(address !== undefined && { address }),
      // What nginx says when it did not find or did not look for one.
      ...(hostname !== undefined && !hostname.startsWith('[') && { hostname }),
    },
    ...(helo !== undefined && { helo }),
    ...(sender !== undefined && { sender }),
    ...(recipient !== undefined && { recipient }),
    ...(Number.isSafeInteger(size) && { size }),
    ...(tls && { tls }),
    attributes,
  };
}

function readTls(get: Get): LoginTls | undefined {
  if (get('auth-ssl') !== 'on') return undefined;
  const tls: { -readonly [name in keyof LoginTls]: LoginTls[name] } = {};
  for (const [name, header] of TLS_HEADERS) {
    const value = get(header);
    if (value !== undefined) tls[name] = value;
  }
  return tls;
}

const TLS_HEADERS = [
  ['version', 'auth-ssl-protocol'],
  ['cipher', 'auth-ssl-cipher'],
  ['verify', 'auth-ssl-verify'],
  ['subject', 'auth-ssl-subject'],
  ['issuer', 'auth-ssl-issuer'],
  ['serial', 'auth-ssl-serial'],
  ['fingerprint', 'auth-ssl-fingerprint'],
  ['certificate', 'auth-ssl-cert'],
] as const;

/** nginx escapes the login and the certificate as in URLs. */
function unescaped(name: string, value: string): string {
  if (name !== 'auth-user' && name !== 'auth-ssl-cert') return value;
  const latin1 = Buffer.from(value, 'utf8').toString('latin1');
  const bytes = latin1.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decodeBytes(Buffer.from(bytes, 'latin1'));
}

/** The address of `mail FROM:<a@example.org> SIZE=100`; `''` is the null sender. */
function pathOf(command: string | undefined): string | undefined {
  const path =
    /^\s*(?:mail\s+from|rcpt\s+to)\s*:\s*(?:<((?:"(?:[^"\\]|\\.)*"|[^">])*)>|([^\s<>]+))/i.exec(
      command ?? '',
    );
  return path?.[1] ?? path?.[2];
}
