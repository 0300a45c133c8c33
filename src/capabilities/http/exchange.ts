/** One request and the head of its answer. */

import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { canonicalHost, type HostAddress } from '../hosts.ts';
import type { Agents } from './agents.ts';
import type { OutgoingRequest } from './request.ts';

/** RFC 9110 section 9.2.2: may be sent twice. */
const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

const ACCEPT_ENCODING = 'gzip, deflate, br';

/**
 * Rejects with what the network or the parser throws. Aborting `signal` destroys the connection,
 * while the body is read as well.
 */
export async function exchange(
  request: OutgoingRequest,
  addresses: readonly HostAddress[],
  agents: Agents,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  // A server may close a kept connection just when a request goes out on it; nobody can tell
  // whether it saw that. So what must not be done twice has a connection of its own.
  if (!IDEMPOTENT.has(request.method)) return send(request, addresses, agents, signal, true);
  try {
    return await send(request, addresses, agents, signal, false);
  } catch (error) {
    if (!(error instanceof StaleConnection)) throw error;
    return send(request, addresses, agents, signal, true);
  }
}

/** The server had closed a kept connection. */
class StaleConnection extends Error {}

/** Without an answer, and without an error before. */
class ConnectionClosed extends Error {
  readonly code = 'ECONNRESET';
}

function send(
  request: OutgoingRequest,
  addresses: readonly HostAddress[],
  agents: Agents,
  signal: AbortSignal,
  fresh: boolean,
): Promise<IncomingMessage> {
  const { url, method, headers, body } = request;
  return new Promise((resolve, reject) => {
    const make = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = make({
      ...agents.options(url, addresses, { fresh }),
      host: canonicalHost(url.hostname) ?? url.hostname,
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      path: `${url.pathname}${url.search}`,
      method,
      signal,
    });
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      const isStale = outgoing.reusedSocket && ['ECONNRESET', 'EPIPE'].includes(error.code ?? '');
      reject(isStale && !fresh ? new StaleConnection() : error);
    });
    let isAnswered = false;
    outgoing.on('close', () => {
      if (!isAnswered) reject(new ConnectionClosed());
    });
    outgoing.on('response', (answer) => {
      isAnswered = true;
      // Whoever reads it sees its errors; nobody reads the body of a redirection.
      answer.on('error', () => {});
      resolve(answer);
    });
    for (const [name, value] of headers) outgoing.appendHeader(name, value);
    outgoing.setHeader('Accept-Encoding', ACCEPT_ENCODING);
    // Node leaves it out where a method rarely has a body, and the body would be the next request.
    if (body) outgoing.setHeader('Content-Length', body.length);
    outgoing.end(body);
  });
}
