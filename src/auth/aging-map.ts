/** A map that forgets what was not touched for a while, and the oldest when it is full. */

export interface AgingOptions<Value> {
  readonly ageMs: number;
  /** Entries at most. */
  readonly limit: number;
  readonly now: () => number;
  /** Told of each entry that is forgotten by itself. */
  readonly forgotten?: (value: Value, why: 'age' | 'limit') => void;
}

interface Aged<Value> {
  readonly value: Value;
  at: number;
}

export class AgingMap<Value> {
  readonly #options: AgingOptions<Value>;
  /** In the order in which they were touched last: a Map keeps the order of insertion. */
  readonly #entries = new Map<string, Aged<Value>>();

  constructor(options: AgingOptions<Value>) {
    this.#options = options;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    this.sweep();
    return this.#entries.get(key)?.value;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.sweep();
    while (this.#entries.size >= this.#options.limit) this.#forgetOldest('limit');
    this.#entries.set(key, { value, at: this.#options.now() });
  }

  /** It is young again. */
  touch(key: string): void {
    const value = this.get(key);
    if (value !== undefined) this.set(key, value);
  }

  /** The value, which is in the map no more. */
  take(key: string): Value | undefined {
    const value = this.get(key);
    this.#entries.delete(key);
    return value;
  }

  /** Forgets what is too old. */
  sweep(): void {
    const { now, ageMs } = this.#options;
    const oldest = now() - ageMs;
    for (const { at } of this.#entries.values()) {
      if (at >= oldest) return;
      this.#forgetOldest('age');
    }
  }

  /** The values, oldest first; the map is empty then. */
  takeAll(): readonly Value[] {
    const values = [...this.#entries.values()].map(({ value }) => value);
    this.#entries.clear();
    return values;
  }

  #forgetOldest(why: 'age' | 'limit'): void {
    for (const [key, { value }] of this.#entries) {
      this.#entries.delete(key);
      this.#options.forgotten?.(value, why);
      return;
    }
  }
}
