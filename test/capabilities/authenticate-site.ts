/** A DNS of the test's own, and messages signed with keys that are in it. */

import { generateKeyPairSync } from 'node:crypto';
import { dkimSign } from 'mailauth';

export class FakeDns {
  readonly asked: string[] = [];
  readonly #records = new Map<string, unknown>();

  /** Answers `TXT example.org` and so on; an error is what the question rejects with. */
  add(question: string, answer: unknown): this {
    this.#records.set(question, answer);
    return this;
  }

  readonly resolve = async (name: string, type: string): Promise<unknown> => {
    const question = `${type} ${name}`;
    this.asked.push(question);
    const answer = this.#records.get(question);
    if (answer === undefined) throw dnsError('ENOTFOUND');
    if (answer instanceof Error) throw answer;
    return answer;
  };
}

export function dnsError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

export interface Key {
  readonly domain: string;
  readonly selector: string;
  readonly privateKey: string;
}

/** Makes a key and publishes it. */
export function publishKey(dns: FakeDns, domain: string, selector = 's1'): Key {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const der = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
  dns.add(`TXT ${selector}._domainkey.${domain}`, [[`v=DKIM1; k=rsa; p=${der}`]]);
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return { domain, selector, privateKey: pem };
}

/** DKIM-Signature fields for the message, one a key. */
export async function sign(
  message: string,
  keys: readonly Key[],
  canonicalization = 'relaxed/relaxed',
): Promise<string> {
  const signatureData = keys.map(({ domain, selector, privateKey }) => ({
    signingDomain: domain,
    selector,
    privateKey,
  }));
  const { signatures, errors } = await dkimSign(Buffer.from(message, 'latin1'), {
    canonicalization,
    ...signatureData[0]!,
    signatureData,
  });
  if (errors.length > 0) throw new Error(JSON.stringify(errors));
  return signatures;
}
