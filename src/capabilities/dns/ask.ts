/** One question, put to the servers in turn until one of them answers. */

import { CapabilityFailure } from '../failure.ts';
import type { FoundAnswer } from './answer.ts';
import { makeQuery } from './message.ts';
import type { Question } from './records.ts';
import { type DnsServer, shownServer } from './server.ts';
import { askTcp } from './tcp.ts';
import { type AskOptions, askUdp, type Outcome } from './udp.ts';

export interface Asking extends AskOptions {
  /** How often each server is asked. */
  readonly tries: number;
  /** Called with each server that did not answer at all. */
  readonly onSilent: (server: DnsServer) => void;
}

/** An answer and the size of the message that it came in. */
export interface Asked {
  readonly found: FoundAnswer;
  readonly bytes: number;
}

/**
 * Throws ERR_DNS_SERVER when a server refused or failed and none answered, ERR_DNS_TIMEOUT
 * when all were silent. A server that failed is not asked the same again: it would fail again.
 */
export async function ask(
  servers: readonly DnsServer[],
  question: Question,
  asking: Asking,
): Promise<Asked> {
  const failures = new Map<DnsServer, string>();
  for (let round = 0; round < asking.tries; round += 1) {
    for (const server of servers) {
      if (failures.has(server)) continue;
      const outcome = await askServer(server, question, asking);
      if (asking.signal.aborted) throw closed(question);
      switch (outcome.kind) {
        case 'answer':
          return outcome;
        case 'timeout':
          asking.onSilent(server);
          break;
        case 'unreachable':
          asking.onSilent(server);
          failures.set(server, `cannot be reached (${outcome.why})`);
          break;
        case 'failed':
        case 'notUnderstood':
          failures.set(server, `answered with ${outcome.why}`);
          break;
        case 'truncated':
          failures.set(server, 'answered with a broken answer');
          break;
        default:
          outcome satisfies never;
      }
    }
  }
  throw failures.size > 0 ? failed(question, failures) : silent(question, servers, asking);
}

async function askServer(
  server: DnsServer,
  question: Question,
  options: AskOptions,
): Promise<Outcome> {
  let query = makeQuery(question, { edns: true });
  let outcome = await askUdp(server, query, options);
  if (outcome.kind === 'notUnderstood') {
    query = makeQuery(question, { edns: false });
    outcome = await askUdp(server, query, options);
  }
  return outcome.kind === 'truncated' ? askTcp(server, query, options) : outcome;
}

function failed(
  { name, type }: Question,
  failures: ReadonlyMap<DnsServer, string>,
): CapabilityFailure {
  const each = [...failures].map(([server, why]) => `${shownServer(server)} ${why}`);
  return new CapabilityFailure(
    'ERR_DNS_SERVER',
    `dns: no answer for ${name} (${type}): ${each.join(', ')}`,
  );
}

function silent(
  { name, type }: Question,
  servers: readonly DnsServer[],
  { tries, timeoutMs }: Asking,
): CapabilityFailure {
  return new CapabilityFailure(
    'ERR_DNS_TIMEOUT',
    `dns: no answer for ${name} (${type}) from ${servers.map(shownServer).join(', ') || 'any server: none is configured'} in ${tries} tries of ${timeoutMs} ms`,
  );
}

function closed({ name, type }: Question): CapabilityFailure {
  return new CapabilityFailure(
    'ERR_DNS_SERVER',
    `dns: no answer for ${name} (${type}): the resolver was closed`,
  );
}
