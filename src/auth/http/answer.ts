/** How requests are answered. */

import type { ServerResponse } from 'node:http';

/** Answers with JSON. */
export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  if (response.headersSent || response.destroyed) return;
  const body = Buffer.from(JSON.stringify(value), 'utf8');
  response.writeHead(status, {
    'Content-Type': 'application/json',
    'Content-Length': body.length,
  });
  response.end(body);
}

/**
 * Answers that the request was wrong, as weakforced does. To Dovecot each HTTP error is a
 * failure of the policy server, for which `auth_policy_reject_on_fail` decides.
 */
export function sendFailure(response: ServerResponse, status: number, reason: string): void {
  if (response.headersSent || response.destroyed) return;
  // What is left of a body that is too long is not worth reading.
  if (status === 413) response.setHeader('Connection', 'close');
  sendJson(response, status, { status: 'failure', reason });
}

/** Answers with headers alone. `headers`: names and values in turn. */
export function sendHeaders(response: ServerResponse, headers: readonly string[]): void {
  if (response.headersSent || response.destroyed) return;
  response.sendDate = false;
  response.writeHead(200, [...headers, 'Connection', 'close', 'Content-Length', '0']);
  response.end();
}
