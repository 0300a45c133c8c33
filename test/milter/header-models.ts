/** How MTAs keep the headers of a message while a filter changes them. */

import type { Reply } from 'net-milter-codec';
import type { RawHeader } from '../../src/milter/header-changes.ts';
import { OWN } from './header-changes-arbitrary.ts';

export interface HeaderModel {
  apply(reply: Reply): void;
  /** `name:value` of each header in order, the MTA's own Received as {@link OWN}. */
  readonly shown: readonly string[];
}

interface Slot {
  readonly name: string;
  value: string | undefined;
  /** Filters do not see it. */
  readonly hidden?: boolean;
}

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

const shownSlot = ({ name, value }: Slot) => (name === OWN ? OWN : `${name}:${value}`);

/**
 * Postfix (cleanup_milter.c): one list, in which a deleted header is gone at once. CHGHEADER
 * does not count the topmost header, whichever that is.
 */
export class PostfixHeaders implements HeaderModel {
  readonly #slots: Slot[];
  readonly #space: string;

  constructor(headers: readonly RawHeader[], leadingSpace: boolean) {
    this.#slots = [
      { name: OWN, value: '' },
      ...headers.map(({ name, raw }) => ({ name, value: raw })),
    ];
    this.#space = leadingSpace ? '' : ' ';
  }

  apply(reply: Reply): void {
    switch (reply.kind) {
      case 'addheader':
        this.#slots.push({ name: reply.name, value: this.#space + reply.value });
        return;
      case 'insheader':
        this.#slots.splice(reply.index, 0, { name: reply.name, value: this.#space + reply.value });
        return;
      case 'chgheader': {
        const named = this.#slots.slice(1).filter(({ name }) => same(name, reply.name));
        const slot = named[Math.max(1, reply.index) - 1];
        if (!slot) {
          if (reply.value !== '') {
            this.#slots.push({ name: reply.name, value: this.#space + reply.value });
          }
        } else if (reply.value === '') this.#slots.splice(this.#slots.indexOf(slot), 1);
        else slot.value = this.#space + reply.value;
        return;
      }
      default:
        throw new Error(`not a header change: ${reply.kind}`);
    }
  }

  get shown(): readonly string[] {
    return this.#slots.map(shownSlot);
  }
}

/**
 * Sendmail (headers.c, milter.c): slots that keep their index when they are emptied, and
 * between the own Received and the first header seen, default headers that nobody sees.
 * ADDHEADER goes before the first slot of that name.
 */
export class SendmailHeaders implements HeaderModel {
  readonly #slots: Slot[];
  readonly #space: string;

  constructor(headers: readonly RawHeader[], leadingSpace: boolean, defaults: number) {
    this.#slots = [
      { name: OWN, value: '', hidden: true },
      ...Array.from({ length: defaults }, (_, index) => ({
        name: `Default-${index}`,
        value: undefined,
        hidden: true,
      })),
      ...headers.map(({ name, raw }) => ({ name, value: raw })),
    ];
    this.#space = leadingSpace ? '' : ' ';
  }

  apply(reply: Reply): void {
    switch (reply.kind) {
      case 'addheader':
        this.#add(reply.name, this.#space + reply.value);
        return;
      case 'insheader':
        this.#slots.splice(reply.index, 0, { name: reply.name, value: this.#space + reply.value });
        return;
      case 'chgheader': {
        const named = this.#slots.filter(({ name, hidden }) => !hidden && same(name, reply.name));
        const slot = named[Math.max(1, reply.index) - 1];
        if (slot) slot.value = reply.value === '' ? undefined : this.#space + reply.value;
        else if (reply.value !== '') this.#add(reply.name, this.#space + reply.value);
        return;
      }
      default:
        throw new Error(`not a header change: ${reply.kind}`);
    }
  }

  #add(name: string, value: string): void {
    const at = this.#slots.findIndex((slot) => same(slot.name, name));
    this.#slots.splice(at < 0 ? this.#slots.length : at, 0, { name, value });
  }

  get shown(): readonly string[] {
    return this.#slots.filter(({ value }) => value !== undefined).map(shownSlot);
  }
}
