/**
 * A message's headers with what filters changed in them. The sandbox shows it to filters, the
 * milter room compares its end with its beginning to find what the MTA must be told: both
 * apply the same modifications to the same list and so agree.
 */

import type { HeaderValue, Modification } from './modification.ts';

export interface HeaderEntry {
  /** The index among the headers that came, or a number from `FIRST_NEW_ID` for those that filters added. */
  readonly id: number;
  readonly name: string;
  /** As it came (latin1, with its leading space) or as a filter gave it. */
  readonly value: { readonly raw: string } | HeaderValue;
}

/** Ids of added headers begin here, in the order in which they were added. */
export const FIRST_NEW_ID = 1_000_000;

/** The MTA's own Received header: filters do not see it, positions count it (smfi_insheader). */
const OWN_RECEIVED_ID = -1;
const OWN_RECEIVED: HeaderEntry = { id: OWN_RECEIVED_ID, name: '', value: { raw: '' } };

export class HeaderList {
  #entries: HeaderEntry[];
  #nextNewId = FIRST_NEW_ID;

  /** `headers` as they came: name and raw value. */
  constructor(headers: Iterable<{ readonly name: string; readonly raw: string }>) {
    this.#entries = [OWN_RECEIVED];
    let id = 0;
    for (const { name, raw } of headers) this.#entries.push({ id: id++, name, value: { raw } });
  }

  /** The headers that filters see, in order. */
  get visible(): readonly HeaderEntry[] {
    return this.#entries.filter((entry) => entry.id !== OWN_RECEIVED_ID);
  }

  /** Those above the MTA's own Received, and those below it. */
  get parts(): { readonly above: readonly HeaderEntry[]; readonly below: readonly HeaderEntry[] } {
    const own = this.#entries.findIndex((entry) => entry.id === OWN_RECEIVED_ID);
    return { above: this.#entries.slice(0, own), below: this.#entries.slice(own + 1) };
  }

  /** Entries of that name, whatever its case. */
  named(name: string): HeaderEntry[] {
    const wanted = name.toLowerCase();
    return this.#entries.filter((entry) => entry.name.toLowerCase() === wanted);
  }

  /** Applies a modification; those that do not concern headers change nothing. */
  apply(modification: Modification): void {
    switch (modification.kind) {
      case 'addHeader':
        this.#entries.push(this.#added(modification));
        return;
      case 'insertHeader':
        this.#insert(Math.min(modification.index, this.#entries.length), modification);
        return;
      case 'insertHeaderBeside': {
        const at = this.#entries.findIndex((entry) => entry.id === modification.other);
        if (at < 0) this.#entries.push(this.#added(modification));
        else this.#insert(modification.side === 'before' ? at : at + 1, modification);
        return;
      }
      case 'changeHeader':
        this.#change(modification);
        return;
      case 'deleteHeader':
        this.#delete(modification.name, modification.nth);
        return;
      case 'setSender':
      case 'addRecipient':
      case 'deleteRecipient':
      case 'replaceBody':
      case 'quarantine':
        return;
      default:
        modification satisfies never;
    }
  }

  #added({ name, value }: { readonly name: string; readonly value: HeaderValue }): HeaderEntry {
    return { id: this.#nextNewId++, name, value };
  }

  #insert(at: number, header: { readonly name: string; readonly value: HeaderValue }): void {
    this.#entries.splice(at, 0, this.#added(header));
  }

  /** The `nth` of that name; one that is not there is added at the end, as MTAs do. */
  #change({ name, nth, value }: Extract<Modification, { kind: 'changeHeader' }>): void {
    const entry = this.named(name)[nth - 1];
    if (!entry) {
      this.#entries.push(this.#added({ name, value }));
      return;
    }
    this.#entries[this.#entries.indexOf(entry)] = { id: entry.id, name: entry.name, value };
  }

  #delete(name: string, nth: number | undefined): void {
    const named = this.named(name);
    const gone = new Set(nth === undefined ? named : named.slice(nth - 1, nth));
    this.#entries = this.#entries.filter((entry) => !gone.has(entry));
  }
}
