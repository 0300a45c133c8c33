/** What is asked of the DNS and what comes back. */

/** The kinds of records that can be asked for. */
export type RecordType = 'A' | 'AAAA' | 'MX' | 'TXT' | 'PTR' | 'NS' | 'CNAME';

export const RECORD_TYPES: readonly RecordType[] = ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'NS', 'CNAME'];

export interface Mx {
  /** Without the trailing dot; `''` is the null MX: this domain takes no mail (RFC 7505). */
  readonly exchange: string;
  readonly priority: number;
}

/** One record of each kind. Names come without their trailing dot. */
export interface RecordData {
  readonly A: string;
  readonly AAAA: string;
  readonly MX: Mx;
  /** The strings of the record, as they are: 255 bytes at most each. */
  readonly TXT: readonly Uint8Array[];
  readonly PTR: string;
  readonly NS: string;
  readonly CNAME: string;
}

/** What the DNS says about a name and a kind of record. */
export type Answer<Type extends RecordType = RecordType> =
  | { readonly kind: 'records'; readonly records: readonly RecordData[Type][] }
  /** There is no such name (NXDOMAIN). */
  | { readonly kind: 'noName' }
  /** The name has no record of this kind. */
  | { readonly kind: 'noData' };

export interface Question {
  /** In lower case ASCII, without the trailing dot. */
  readonly name: string;
  readonly type: RecordType;
}
