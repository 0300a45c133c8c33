/** What Dovecot's auth policy client says about a login, as an attempt (also weakforced's clients). */

import type { Attributes, LoginAttempt, LoginFailure } from '../policy/logins.ts';
import { LOGIN_FAILURES } from '../policy/logins.ts';
import { canonicalAddress } from './address.ts';
import { BadRequest } from './bad-request.ts';
import { isObject, isYes, textOf } from './json.ts';

/** An attempt before it is known whether its password was checked. */
export type KnownAttempt = Omit<LoginAttempt, 'verified'>;

/** Whether the password was checked, when the server says so (`attrs/phase=%{passdb:...}`). */
export type StatedPhase = 'before' | 'after' | undefined;

/**
 * Hexadecimal digits that filters see: enough to tell wrong passwords apart, too few to try
 * passwords against where `auth_policy_hash_truncate` is 0 and the whole hash comes.
 */
const HASH_DIGITS = 8;

/** SASL mechanisms that give the server no password: their hash is the same for every one. */
const WITHOUT_PASSWORD =
  /^(?:CRAM|DIGEST|SCRAM|APOP|NTLM|GSS|OTP|SKEY|RPA|EXTERNAL|ANONYMOUS|OAUTHBEARER|XOAUTH2)/i;

/** Throws {@link BadRequest}. */
export function readAttempt(body: Attributes): KnownAttempt {
  const { login } = body;
  if (typeof login !== 'string') throw new BadRequest(400, "expected the key 'login' with a text");
  const attrs = isObject(body.attrs) ? body.attrs : {};
  const address = canonicalAddress(textOf(body.remote) ?? '');
  const session = textOf(body.session_id);
  const device = textOf(body.device_id);
  const hash = textOf(body.pwhash)?.slice(0, HASH_DIGITS);
  const mechanism = textOf(attrs.mech) ?? '';
  return {
    login,
    client: address === undefined ? {} : { address },
    protocol: (textOf(body.protocol) ?? 'unknown').toLowerCase(),
    ...(session !== undefined && { session }),
    ...(isYes(body.tls) && { tls: {} }),
    ...(device !== undefined && { device }),
    ...(hash !== undefined && !WITHOUT_PASSWORD.test(mechanism) && { passwordHash: hash }),
    attributes: hash === undefined ? body : { ...body, pwhash: hash },
  };
}

/** `attrs/phase`: empty before the password check, `after` after it. */
export function statedPhase(body: Attributes): StatedPhase {
  const phase = isObject(body.attrs) ? body.attrs.phase : undefined;
  if (phase === 'after') return 'after';
  return phase === '' || phase === 'before' ? 'before' : undefined;
}

/** What a report says of the outcome; throws {@link BadRequest}. */
export function readOutcome(body: Attributes): {
  readonly success: boolean;
  /** Why it failed, in the words of Dovecot 2.4. */
  readonly failure?: LoginFailure;
  /** The policy server refused it. */
  readonly byPolicy: boolean;
} {
  if (body.success === undefined) throw new BadRequest(400, "expected the key 'success'");
  const failure = LOGIN_FAILURES.find((each) => each === body.fail_type);
  return {
    success: isYes(body.success),
    ...(failure !== undefined && { failure }),
    byPolicy: isYes(body.policy_reject),
  };
}
