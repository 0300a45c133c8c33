/** The answer of a web server as authors see it. */

import type { HttpHeaders, HttpResponse } from './api-network.ts';
import { bytesFromLatin1, textFromLatin1 } from './bytes.ts';

/** As the worker gives it. */
export interface CarriedAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly url: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** Bytes as latin1. */
  readonly body: string;
}

const BYTE_ORDER_MARK = '\ufeff';

class ResponseHeaders implements HttpHeaders {
  readonly #pairs: readonly (readonly [string, string])[];

  constructor(pairs: CarriedAnswer['headers']) {
    this.#pairs = pairs.map(([name, value]) => [name.toLowerCase(), value]);
  }

  get(name: string): string | null {
    const values = this.#named(name).map(([, value]) => value);
    return values.length > 0 ? values.join(', ') : null;
  }

  has(name: string): boolean {
    return this.#named(name).length > 0;
  }

  *[Symbol.iterator](): Iterator<[string, string]> {
    for (const [name, value] of this.#pairs) yield [name, value];
  }

  #named(name: string): readonly (readonly [string, string])[] {
    const wanted = String(name).toLowerCase();
    return this.#pairs.filter(([one]) => one === wanted);
  }
}

export function responseOf(answer: CarriedAnswer): HttpResponse {
  const { status, statusText, url, body } = answer;
  const text = () => {
    const read = textFromLatin1(body);
    return read.startsWith(BYTE_ORDER_MARK) ? read.slice(1) : read;
  };
  return Object.freeze({
    ok: status >= 200 && status <= 299,
    status,
    statusText,
    url,
    headers: new ResponseHeaders(answer.headers),
    text: async () => text(),
    json: async () => {
      try {
        return JSON.parse(text()) as unknown;
      } catch (error) {
        throw new SyntaxError(
          `http.fetch: the answer of ${url.replace(/[?#].*$/s, '')} (status ${status}) is no JSON: ${(error as Error).message}`,
        );
      }
    },
    bytes: async () => bytesFromLatin1(body),
  });
}
