/** `http` as authors see it; the worker fetches, where the filter's options allow it. */

import { durationMs } from '../../config/units.ts';
import type { Http, HttpInit } from './api-network.ts';
import { latin1FromBytes } from './bytes.ts';
import { currentEvent } from './current.ts';
import { type CarriedAnswer, responseOf } from './http-response.ts';
import { request } from './outbox.ts';

function wrong(what: string): TypeError {
  return new TypeError(`http.fetch: ${what}`);
}

function carriedInit(init: HttpInit): Record<string, unknown> {
  if (typeof init !== 'object' || init === null)
    throw wrong("expected an object such as { method: 'POST' } after the URL");
  const { method, headers, body, timeout, redirect } = init;
  // What is undefined is left out where this becomes JSON.
  return {
    method: method === undefined ? undefined : String(method),
    headers: headers === undefined ? undefined : headerPairs(headers),
    body: body === undefined ? undefined : carriedBody(body),
    timeout: timeout === undefined ? undefined : durationMs(timeout),
    redirect,
  };
}

function headerPairs(headers: NonNullable<HttpInit['headers']>): [string, string][] {
  if (typeof headers !== 'object' || headers === null)
    throw wrong("expected headers such as { Accept: 'application/json' }");
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return pairs.map((pair) => {
    const [name, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
    if (typeof name !== 'string' || !['string', 'number'].includes(typeof value))
      throw wrong('expected each header as a name and a text');
    return [name, String(value)];
  });
}

function carriedBody(body: unknown): string | { readonly bytes: string } {
  if (typeof body === 'string') return body;
  if (body instanceof Uint8Array) return { bytes: latin1FromBytes(body) };
  throw wrong(`expected a body of text or bytes, got ${typeof body}; JSON.stringify makes a text`);
}

export const http: Http = Object.freeze({
  async fetch(url: string, init: HttpInit = {}) {
    if (typeof url !== 'string') throw wrong(`expected a URL, got ${typeof url}`);
    const answer = await request(currentEvent(), 'http.fetch', [url, carriedInit(init)]);
    return responseOf(answer as CarriedAnswer);
  },
});
