/** `dns` of a filter. Requests come out of a sandbox: their arguments are checked here. */

import { z } from 'zod';
import { CapabilityFailure } from '../failure.ts';
import { lookUpList } from './block-list.ts';
import { reverseName } from './name.ts';
import type { Answer, RecordType } from './records.ts';
import { type DnsOptions, type RecordSource, Resolver } from './resolver.ts';
import { textOf } from './text.ts';

const OneText = z.tuple([z.string()]);
const TwoTexts = z.tuple([z.string(), z.string()]);

export class DnsCapability {
  readonly #resolver: Resolver;

  /** Throws on servers that are none. */
  constructor(options: DnsOptions) {
    this.#resolver = new Resolver(options);
  }

  /** The same answers, for other parts of the worker. */
  get resolver(): RecordSource {
    return this.#resolver;
  }

  /**
   * The answer as JSON: a list, empty when there is no such name or no such record; for `list`
   * a listing, or `null` when the address is not listed. Throws ERR_DNS_TIMEOUT, ERR_DNS_SERVER,
   * ERR_DNS_LIST, ERR_ARGUMENT, ERR_ABORTED.
   */
  async perform(
    name: string,
    args: readonly unknown[],
    { signal }: { readonly signal: AbortSignal },
  ): Promise<unknown> {
    switch (name) {
      case 'resolve4':
        return this.#records(oneText(name, args), 'A', signal);
      case 'resolve6':
        return this.#records(oneText(name, args), 'AAAA', signal);
      case 'resolveMx': {
        const records = await this.#records(oneText(name, args), 'MX', signal);
        return records.toSorted((a, b) => a.priority - b.priority);
      }
      case 'resolveTxt':
        return (await this.#records(oneText(name, args), 'TXT', signal)).map(textOf);
      case 'resolvePtr':
        return this.#records(reverseName(oneText(name, args)), 'PTR', signal);
      case 'list': {
        const parsed = TwoTexts.safeParse(args);
        if (!parsed.success) throw expected(name, 'a zone and an address');
        return lookUpList(this.#resolver, ...parsed.data, signal);
      }
      default:
        throw new CapabilityFailure(
          'ERR_UNKNOWN_CAPABILITY',
          `dns has no ${JSON.stringify(name.slice(0, 40))}`,
        );
    }
  }

  close(): void {
    this.#resolver.close();
  }

  async #records<Type extends RecordType>(
    name: string,
    type: Type,
    signal: AbortSignal,
  ): Promise<Extract<Answer<Type>, { kind: 'records' }>['records']> {
    const answer = await this.#resolver.resolveRecords(name, type, signal);
    return answer.kind === 'records' ? answer.records : [];
  }
}

function oneText(name: string, args: readonly unknown[]): string {
  const parsed = OneText.safeParse(args);
  if (!parsed.success)
    throw expected(name, name === 'resolvePtr' ? 'an address or a name' : 'a name');
  return parsed.data[0];
}

function expected(name: string, what: string): CapabilityFailure {
  return new CapabilityFailure('ERR_ARGUMENT', `dns.${name}: expected ${what}`);
}
