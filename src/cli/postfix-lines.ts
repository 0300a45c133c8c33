/** What to put into Postfix's main.cf so that it asks this server. */

import { parseListen } from '../milter/address.ts';

export function postfixLines(listen: readonly string[]): string {
  const places = listen.map(postfixSpelling).join(', ');
  return [
    '',
    `Postern is ready. In Postfix's main.cf (then "postfix reload"):`,
    '',
    `    smtpd_milters = ${places}`,
    '    milter_default_action = tempfail',
    '',
    '',
  ].join('\n');
}

/** Postfix knows `inet:host:port` and `unix:path`; an address of all interfaces is no place to connect to. */
function postfixSpelling(spec: string): string {
  const address = parseListen(spec);
  if (address.kind === 'unix') return `unix:${address.path}`;
  const host =
    address.host === undefined || address.host === '0.0.0.0' || address.host === '::'
      ? '127.0.0.1'
      : address.host;
  return `inet:${host.includes(':') ? `[${host}]` : host}:${address.port}`;
}
