/** What is asked for after a redirection. */

import { type OutgoingRequest, redirectedUrl } from './request.ts';

const REDIRECTIONS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** For the origin alone that they were given to. */
const SECRET_HEADERS: ReadonlySet<string> = new Set(['authorization', 'cookie']);

export function isRedirection(status: number): boolean {
  return REDIRECTIONS.has(status);
}

/** The next request, as fetch makes it; `undefined` when `location` is nowhere to go. */
export function redirected(
  request: OutgoingRequest,
  status: number,
  location: string,
): OutgoingRequest | undefined {
  const url = redirectedUrl(location, request.url);
  if (!url) return undefined;
  const isOtherOrigin = url.origin !== request.url.origin;
  const isGetNow =
    status === 303
      ? request.method !== 'GET' && request.method !== 'HEAD'
      : (status === 301 || status === 302) && request.method === 'POST';
  const headers = request.headers.filter(([name]) => {
    const lower = name.toLowerCase();
    if (isOtherOrigin && SECRET_HEADERS.has(lower)) return false;
    return !(isGetNow && lower.startsWith('content-'));
  });
  return isGetNow
    ? { url, method: 'GET', headers, body: undefined }
    : { url, method: request.method, headers, body: request.body };
}
