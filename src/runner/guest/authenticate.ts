/** `authenticate(message)` as authors see it: asks the worker about the message as it came. */

import type { ResultsJson } from '../../capabilities/authenticate/results.ts';
import type { Message } from './api.ts';
import type { AuthenticationResults } from './api-mail.ts';
import { SessionMessage } from './message.ts';

/**
 * SPF, DKIM, DMARC and ARC of the message as the MTA gave it, whatever filters changed since then.
 * Rejects with a CapabilityError: `ERR_AUTHENTICATE_TIME`, `ERR_AUTHENTICATE_LIMIT`,
 * `ERR_AUTHENTICATE`. A DNS that does not answer is no error but the result `temperror`.
 */
export async function authenticate(message: Message): Promise<AuthenticationResults> {
  if (!(message instanceof SessionMessage)) {
    throw new TypeError(
      'authenticate: expected the message that a handler gets, or session.message',
    );
  }
  const { spf, dkim, dmarc, arc, header } = (await message.authenticate()) as ResultsJson;
  return {
    spf: { result: spf.result, domain: spf.domain, explanation: spf.explanation },
    dkim: dkim.map(({ result, domain, selector, algorithm, aligned, unsignedBytes, comment }) => {
      return { result, domain, selector, algorithm, aligned, unsignedBytes, comment };
    }),
    dmarc: {
      result: dmarc.result,
      policy: dmarc.policy,
      domain: dmarc.domain,
      alignment: dmarc.alignment,
    },
    arc,
    header,
  };
}
