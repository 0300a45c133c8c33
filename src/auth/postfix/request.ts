/**
 * A request of Postfix's policy client (SMTPD_POLICY_README) as filters see it in `access`.
 *
 * Postfix asks about one message several times, on one connection of an smtpd process: at RCPT
 * for each recipient and, where `smtpd_end_of_data_restrictions` says so, at END-OF-MESSAGE.
 * `instance` is the same in all of them and in no others. So a filter that counts:
 *
 * - counts recipients at RCPT, where a refusal costs little and concerns that recipient alone;
 * - commits at END-OF-MESSAGE, once for each `instance`: what was refused in between (DATA,
 *   the content) was never sent, and RCPT counts that nobody takes back would stay too high;
 * - makes "once" a matter of the store, such as `kv.add` with the instance in the key: Postfix
 *   sends a request again, maybe to another worker, when it lost the connection or waited too
 *   long (`smtpd_policy_service_try_limit`).
 *
 * `size` is what the client declared until END-OF-MESSAGE, and what came then; `recipientCount`
 * is known at DATA and END-OF-MESSAGE, `recipient` is missing there if there were several.
 */

import { isIPv6, SocketAddress } from 'node:net';
import { decodeText, encodeText } from 'net-milter-codec';
import type { AccessRequest, LoginTls } from '../../policy/logins.ts';
import type { RequestAttributes } from './attribute-parser.ts';

/** In these states there is no sender yet, so an empty one is not the null sender. */
const BEFORE_MAIL: ReadonlySet<string> = new Set(['CONNECT', 'EHLO', 'HELO', 'VRFY', 'ETRN']);

/** Whether this state belongs to a message. */
export function isInMessage(state: string): boolean {
  return !BEFORE_MAIL.has(state);
}

/** What the attributes say. Postfix sends all it knows of in each request, and empty what it does not know. */
export function accessRequest(attributes: RequestAttributes): AccessRequest {
  const text = (name: string) => attributes.get(name) || undefined;
  /** Where Postfix itself writes `unknown`. */
  const known = (name: string) => {
    const value = text(name);
    return value === 'unknown' ? undefined : value;
  };
  /** Postfix writes 0 for what it does not know. */
  const count = (name: string) => naturalNumber(attributes.get(name)) || undefined;

  const state = attributes.get('protocol_state') ?? '';
  const address = known('client_address');
  const size = naturalNumber(attributes.get('size'));
  const sender = attributes.get('sender');
  return defined<AccessRequest>({
    state,
    client: defined<AccessRequest['client']>({
      address: address === undefined ? undefined : oneSpelling(address),
      hostname: known('client_name'),
      port: count('client_port'),
    }),
    helo: text('helo_name'),
    sender: sender === '' && !isInMessage(state) ? undefined : sender,
    recipient: text('recipient'),
    recipientCount: count('recipient_count'),
    queueId: text('queue_id'),
    instance: text('instance'),
    // Until the message has come, 0 means that the client declared nothing.
    size: size === 0 && state !== 'END-OF-MESSAGE' ? undefined : size,
    auth: smtpAuth(text('sasl_method'), text('sasl_username'), text('sasl_sender')),
    tls: tls({
      version: text('encryption_protocol'),
      cipher: text('encryption_cipher'),
      bits: count('encryption_keysize'),
      subject: fromXtext(text('ccert_subject')),
      issuer: fromXtext(text('ccert_issuer')),
      fingerprint: text('ccert_fingerprint'),
    }),
    attributes: Object.fromEntries(attributes),
  });
}

type Maybe<T> = { readonly [name in keyof T]: T[name] | undefined };

/** Without what is `undefined`: what is not known is absent. */
function defined<T extends object>(fields: Maybe<T>): T {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}

function tls(fields: Maybe<LoginTls>): LoginTls | undefined {
  const known = defined<LoginTls>(fields);
  return Object.keys(known).length === 0 ? undefined : known;
}

/** A client that sends the name alone is no reason to lose it. */
function smtpAuth(
  type: string | undefined,
  user: string | undefined,
  author: string | undefined,
): AccessRequest['auth'] {
  if (type === undefined && user === undefined) return undefined;
  return defined<NonNullable<AccessRequest['auth']>>({ type: type ?? 'unknown', user, author });
}

function naturalNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Names of certificates come as xtext (`Wietse+20Venema`; RFC 3461 section 4). */
function fromXtext(text: string | undefined): string | undefined {
  if (text === undefined || !/^(?:[^+]|\+[0-9A-F]{2})*$/.test(text)) return text;
  const bytes = encodeText(text).replace(/\+([0-9A-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return decodeText(bytes);
}

/** IPv6 addresses as RFC 5952 writes them: keys and lists want one spelling. */
function oneSpelling(address: string): string {
  // What has a zone is no address for SocketAddress, which would drop it.
  if (!isIPv6(address) || address.includes('%')) return address;
  return new SocketAddress({ address, family: 'ipv6' }).address;
}
