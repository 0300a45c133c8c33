/**
 * What is known about a session, kept so that a reader gets only what it has not seen. The worker
 * writes the log and the runner reads it; the runner's copy is read by each isolate in turn. A
 * replaced runner or isolate is a reader that has seen nothing: it gets all that is still true.
 *
 *   group        begins anew with         facts
 *   connection   (once)                   connect and its macros
 *   helo         each HELO or EHLO        its name and macros
 *   message      each MAIL                sender, recipients, headers, macros
 */

import type { Fact } from '../policy/event.ts';

export const FACT_GROUPS = ['connection', 'helo', 'message'] as const;

export type FactGroup = (typeof FACT_GROUPS)[number];

/** A fact as it crosses: JSON, or a block of headers (see {@link encodeFact}). */
export interface FactEntry {
  readonly group: FactGroup;
  /** Which HELO or message it belongs to, from 1. */
  readonly generation: number;
  readonly fact: string;
}

/** How much of a log one reader has seen. */
export class FactCursor {
  /** By group: the generation, and how many of its facts. */
  readonly seen = {
    connection: { generation: 0, count: 0 },
    helo: { generation: 0, count: 0 },
    message: { generation: 0, count: 0 },
  };
}

export class FactLog {
  readonly #groups: Record<FactGroup, { generation: number; facts: string[] }> = {
    connection: { generation: 1, facts: [] },
    helo: { generation: 1, facts: [] },
    message: { generation: 1, facts: [] },
  };

  generation(group: FactGroup): number {
    return this.#groups[group].generation;
  }

  /** Forgets the group: its next facts are about another HELO or message. */
  begin(group: FactGroup, generation = this.#groups[group].generation + 1): void {
    this.#groups[group] = { generation, facts: [] };
  }

  append(group: FactGroup, fact: string): void {
    this.#groups[group].facts.push(fact);
  }

  /** Takes over a fact of another log. */
  copy(entry: FactEntry): void {
    if (this.#groups[entry.group].generation !== entry.generation)
      this.begin(entry.group, entry.generation);
    this.append(entry.group, entry.fact);
  }

  /** What this reader has not seen; it has then. */
  since(cursor: FactCursor): FactEntry[] {
    const entries: FactEntry[] = [];
    for (const group of FACT_GROUPS) {
      const { generation, facts } = this.#groups[group];
      const seen = cursor.seen[group];
      if (seen.generation !== generation) {
        seen.generation = generation;
        seen.count = 0;
      }
      for (; seen.count < facts.length; seen.count += 1)
        entries.push({ group, generation, fact: facts[seen.count]! });
    }
    return entries;
  }
}

/** A fact as text. Header blocks go as they are, latin1: JSON would double their cost. */
export function encodeFact(fact: Fact): string {
  return fact.f === 'headers'
    ? `H${JSON.stringify(fact.decoded)}\n${fact.block}`
    : JSON.stringify(fact);
}

export function parseFact(text: string): Fact {
  if (text[0] !== 'H') return JSON.parse(text) as Fact;
  const end = text.indexOf('\n');
  return { f: 'headers', decoded: JSON.parse(text.slice(1, end)), block: text.slice(end + 1) };
}
