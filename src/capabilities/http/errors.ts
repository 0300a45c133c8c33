/** How `http.fetch` fails. URLs are shown without what may be secret in them. */

import { CapabilityFailure } from '../failure.ts';

const MAX_SHOWN_PATH = 200;

/** Origin and path: no user, no password, no query. */
export function shownUrl(url: URL): string {
  return `${url.origin}${url.pathname.slice(0, MAX_SHOWN_PATH)}`;
}

export function tooLarge(url: URL, bytes: number): CapabilityFailure {
  return new CapabilityFailure(
    'ERR_HTTP_SIZE',
    `http.fetch: ${shownUrl(url)} answered with more than ${bytes} bytes`,
  );
}

export function tooLate(url: URL, timeoutMs: number): CapabilityFailure {
  return new CapabilityFailure(
    'ERR_HTTP_TIMEOUT',
    `http.fetch: ${shownUrl(url)} was not fetched within ${timeoutMs} ms`,
  );
}

export function misdirected(url: URL, why: string): CapabilityFailure {
  return new CapabilityFailure(
    'ERR_HTTP_REDIRECT',
    `http.fetch: ${shownUrl(url)} redirects ${why}`,
  );
}

export function unreachable(url: URL, why: string): CapabilityFailure {
  return new CapabilityFailure(
    'ERR_HTTP_CONNECT',
    `http.fetch: the connection to ${shownUrl(url)} failed: ${why}`,
  );
}

/** What the network, the HTTP parser or a decoder threw. Only its code is told: texts may hold anything. */
export function fetchFailure(url: URL, error: unknown): CapabilityFailure {
  if (error instanceof CapabilityFailure) return error;
  const { code, name } = error as NodeJS.ErrnoException;
  const why = code ?? name;
  if (/^(?:HPE_|Z_|ERR_BROTLI|ERR_PADDING|ERR__ERROR)/.test(why)) {
    return new CapabilityFailure(
      'ERR_HTTP_ANSWER',
      `http.fetch: ${shownUrl(url)} answered with what is no HTTP: ${why}`,
    );
  }
  return unreachable(url, why);
}
