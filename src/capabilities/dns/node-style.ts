/** The resolver as libraries written for `node:dns` want it. */

import { CapabilityFailure } from '../failure.ts';
import { type Mx, RECORD_TYPES, type RecordType } from './records.ts';
import type { RecordSource } from './resolver.ts';
import { textOf } from './text.ts';

/** A failure as `node:dns` words it. */
export class NodeStyleDnsError extends Error {
  /** `ENOTFOUND`, `ENODATA`, `ETIMEOUT`, `ESERVFAIL`, `EBADNAME`, `ENOTIMP` or `ECANCELLED`. */
  readonly code: string;
  readonly syscall: string;
  readonly hostname: string;
  constructor(code: string, rrtype: string, hostname: string, cause?: unknown) {
    super(`query${rrtype} ${code} ${hostname}`, { cause });
    this.name = 'NodeStyleDnsError';
    this.code = code;
    this.syscall = `query${rrtype}`;
    this.hostname = hostname;
  }
}

/** As of `dns.promises.resolve`: names, addresses, MX objects, or lists of the strings of TXT records. */
export type NodeStyleRecords = string[] | { exchange: string; priority: number }[] | string[][];

/** Like `dns.promises.resolve`; throws {@link NodeStyleDnsError}. */
export type NodeStyleResolver = (name: string, rrtype?: string) => Promise<NodeStyleRecords>;

const CODES: Readonly<Record<string, string>> = {
  ERR_DNS_TIMEOUT: 'ETIMEOUT',
  ERR_DNS_SERVER: 'ESERVFAIL',
  ERR_ARGUMENT: 'EBADNAME',
  ERR_ABORTED: 'ECANCELLED',
};

/** A `resolve` that asks `source`, for A, AAAA, MX, TXT, PTR, NS and CNAME. */
export function nodeStyleResolver(source: RecordSource, signal?: AbortSignal): NodeStyleResolver {
  return async (name, rrtype = 'A') => {
    const type = RECORD_TYPES.find((known) => known === rrtype.toUpperCase());
    if (!type) throw new NodeStyleDnsError('ENOTIMP', rrtype, name);
    try {
      return await resolve(source, name, type, signal);
    } catch (error) {
      if (!(error instanceof CapabilityFailure)) throw error;
      throw new NodeStyleDnsError(CODES[error.code] ?? 'ESERVFAIL', type, name, error);
    }
  };
}

async function resolve(
  source: RecordSource,
  name: string,
  type: RecordType,
  signal: AbortSignal | undefined,
): Promise<NodeStyleRecords> {
  switch (type) {
    case 'MX': {
      const answer = await source.resolveRecords(name, type, signal);
      return found(answer, name, type).map(({ exchange, priority }: Mx) => ({
        exchange,
        priority,
      }));
    }
    case 'TXT': {
      const answer = await source.resolveRecords(name, type, signal);
      // One string a record: a character may lie across two of the strings on the wire.
      return found(answer, name, type).map((strings) => [textOf(strings)]);
    }
    default: {
      const answer = await source.resolveRecords(name, type, signal);
      return [...found(answer, name, type)];
    }
  }
}

type Found<T> =
  | { readonly kind: 'records'; readonly records: readonly T[] }
  | { readonly kind: 'noName' | 'noData' };

function found<T>(answer: Found<T>, name: string, type: RecordType): readonly T[] {
  if (answer.kind === 'records') return answer.records;
  throw new NodeStyleDnsError(answer.kind === 'noName' ? 'ENOTFOUND' : 'ENODATA', type, name);
}
