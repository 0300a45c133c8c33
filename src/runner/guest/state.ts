import { findJsonMisfit } from '../../config/json.ts';

/** A filter's `state` object: JSON values that outlive the call, and the isolate. */

export class State {
  #json: string | undefined;
  #object: Record<string, unknown> | undefined;

  /** `json`: what an earlier isolate left. */
  constructor(json?: string) {
    this.#json = json;
  }

  get object(): Record<string, unknown> {
    this.#object ??=
      this.#json === undefined ? {} : (JSON.parse(this.#json) as Record<string, unknown>);
    return this.#object;
  }

  /** The state as JSON if it changed since the last time, else `null`. Throws if it is not JSON. */
  changed(): string | null {
    if (this.#object === undefined) return null;
    const misfit = findJsonMisfit(this.#object, 0, { mayBeAbsent: true });
    if (misfit) throw new TypeError(`got ${misfit.what} at state${misfit.path}`);
    const json = JSON.stringify(this.#object);
    if (json === this.#json || (this.#json === undefined && json === '{}')) return null;
    this.#json = json;
    return json;
  }
}
