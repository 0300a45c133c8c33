/** Whether a caller knows the shared secret. */

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** Neither the time nor the length of what is compared tells anything. */
export class SharedSecret {
  readonly #digest: Buffer;

  constructor(secret: string) {
    this.#digest = digestOf(Buffer.from(secret, 'utf8'));
  }

  /**
   * `X-Postern-Secret`, `X-API-Key` (Dovecot's `auth_policy_server_api_header` without a name),
   * or the password of Basic authentication (the userinfo of a URL, and weakforced's clients).
   */
  isIn(headers: IncomingHttpHeaders): boolean {
    const candidates = [
      bytesOf(headers['x-postern-secret']),
      bytesOf(headers['x-api-key']),
      basicPassword(headers.authorization),
    ];
    // No early end: all three are compared.
    return candidates
      .map((each) => each !== undefined && timingSafeEqual(digestOf(each), this.#digest))
      .includes(true);
  }
}

function digestOf(bytes: Uint8Array): Buffer {
  return createHash('sha256').update(bytes).digest();
}

/** Dovecot sends two spaces before it; node:http has taken them away. */
function bytesOf(value: string | string[] | undefined): Buffer | undefined {
  return typeof value === 'string' ? Buffer.from(value, 'latin1') : undefined;
}

function basicPassword(authorization: string | undefined): Buffer | undefined {
  const [, credentials] = /^\s*Basic\s+([A-Za-z0-9+/=]+)\s*$/i.exec(authorization ?? '') ?? [];
  if (credentials === undefined) return undefined;
  const decoded = Buffer.from(credentials, 'base64');
  const colon = decoded.indexOf(':');
  return colon < 0 ? undefined : decoded.subarray(colon + 1);
}
