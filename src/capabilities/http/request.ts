/** What a filter asks `http.fetch` for, checked: it comes out of a sandbox. */

import { z } from 'zod';
import { CapabilityFailure } from '../failure.ts';

/** One request on the way to one URL. */
export interface OutgoingRequest {
  /** `http:` or `https:`, without user, password and fragment. */
  readonly url: URL;
  /** In capitals. */
  readonly method: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer | undefined;
}

export interface FetchRequest extends OutgoingRequest {
  readonly timeoutMs: number;
  readonly redirect: 'follow' | 'manual';
}

const MAX_URL = 8192;
const MAX_HEADERS = 100;
const MAX_HEADER_BYTES = 32 * 1024;

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** RFC 9110 section 5.5: no line break, no NUL, nothing that is no byte. */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

/** What decides where a request goes, how it is framed and how the answer is packed is not the filter's. */
const RESERVED_HEADERS: ReadonlySet<string> = new Set([
  'accept-encoding',
  'connection',
  'content-length',
  'expect',
  'host',
  'http2-settings',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** CONNECT opens tunnels, TRACE gives back what others added; fetch has neither. */
const RESERVED_METHODS: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

const Arguments = z.tuple([
  z.string(),
  z
    .strictObject({
      method: z.string().optional(),
      headers: z.array(z.tuple([z.string(), z.string()])).optional(),
      body: z.union([z.string(), z.strictObject({ bytes: z.string() })]).optional(),
      timeout: z.number().positive().optional(),
      redirect: z.enum(['follow', 'manual']).optional(),
    })
    .optional(),
]);

/** Throws ERR_ARGUMENT. `timeoutMs`: the most that a filter may take. */
export function readRequest(args: readonly unknown[], timeoutMs: number): FetchRequest {
  const parsed = Arguments.safeParse(args);
  if (!parsed.success) {
    throw wrong(
      'expected a URL and { method, headers, body, timeout, redirect: "follow" or "manual" }',
    );
  }
  const [text, init = {}] = parsed.data;
  const method = (init.method ?? 'GET').toUpperCase();
  if (!TOKEN.test(method) || RESERVED_METHODS.has(method))
    throw wrong(`the method ${JSON.stringify(method.slice(0, 40))} is not possible here`);
  const body =
    typeof init.body === 'object' ? Buffer.from(init.body.bytes, 'latin1') : textBody(init.body);
  if (body && (method === 'GET' || method === 'HEAD')) throw wrong(`${method} takes no body`);
  return {
    url: readUrl(text),
    method,
    headers: [...defaultHeaders(init), ...readHeaders(init.headers ?? [])],
    body,
    timeoutMs: Math.min(init.timeout ?? timeoutMs, timeoutMs),
    redirect: init.redirect ?? 'follow',
  };
}

/** Where a redirection leads; `undefined` when no request may follow it. */
export function redirectedUrl(location: string, from: URL): URL | undefined {
  const url = location.length > MAX_URL ? null : URL.parse(location, from.href);
  return url && isFetchable(url) && !hasUser(url) ? withoutFragment(url) : undefined;
}

function readUrl(text: string): URL {
  // The text is not repeated in errors: it may hold a password.
  const url = text.length > MAX_URL ? null : URL.parse(text);
  if (!url || !isFetchable(url)) throw wrong("expected a URL such as 'https://api.example.com/v1'");
  if (hasUser(url))
    throw wrong(`put the user and the password for ${url.origin} into an Authorization header`);
  return withoutFragment(url);
}

function isFetchable({ protocol }: URL): boolean {
  return protocol === 'http:' || protocol === 'https:';
}

function hasUser({ username, password }: URL): boolean {
  return username !== '' || password !== '';
}

function withoutFragment(url: URL): URL {
  url.hash = '';
  return url;
}

function textBody(text: string | undefined): Buffer | undefined {
  return text === undefined ? undefined : Buffer.from(text, 'utf8');
}

type Init = NonNullable<z.infer<typeof Arguments>[1]>;

/** What a filter leaves out. */
function defaultHeaders({ headers = [], body }: Init): [string, string][] {
  const defaults: [string, string][] = [
    ['Accept', '*/*'],
    ['User-Agent', 'postern'],
  ];
  if (typeof body === 'string') defaults.push(['Content-Type', 'text/plain;charset=UTF-8']);
  const given = new Set(headers.map(([name]) => name.toLowerCase()));
  return defaults.filter(([name]) => !given.has(name.toLowerCase()));
}

function readHeaders(headers: readonly [string, string][]): readonly [string, string][] {
  let bytes = 0;
  for (const [name, value] of headers) {
    const shown = JSON.stringify(name.slice(0, 40));
    if (!TOKEN.test(name)) throw wrong(`the header name ${shown} is none`);
    const lower = name.toLowerCase();
    if (RESERVED_HEADERS.has(lower) || lower.startsWith('proxy-'))
      throw wrong(`the header ${shown} is set by the server, not by filters`);
    if (!FIELD_VALUE.test(value))
      throw wrong(
        `the value of the header ${shown} has a line break, a NUL or a character outside of Latin-1`,
      );
    bytes += name.length + value.length;
  }
  if (headers.length > MAX_HEADERS || bytes > MAX_HEADER_BYTES)
    throw wrong(`more than ${MAX_HEADERS} headers or ${MAX_HEADER_BYTES} bytes of them`);
  return headers;
}

function wrong(what: string): CapabilityFailure {
  return new CapabilityFailure('ERR_ARGUMENT', `http.fetch: ${what}`);
}
