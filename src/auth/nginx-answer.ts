/**
 * The answer that nginx's mail proxy takes: headers alone, in a block of at most 1024 bytes
 * with the status line. A longer one is never understood, and the client waits in vain: so a
 * text is cut to the room that there is.
 */

import { isIP } from 'node:net';
import { cutToBytes, headerValue, oneLine } from './text.ts';

export type NginxAnswer =
  /** The back end; `user`: the login there. */
  | { readonly kind: 'ok'; readonly host: string; readonly port: number; readonly user?: string }
  /** Ask again after `seconds`. */
  | { readonly kind: 'wait'; readonly seconds: number }
  | {
      readonly kind: 'refused';
      readonly text: string;
      /** SMTP's code and enhanced status: `535 5.7.8`. */
      readonly code?: string;
      /** The client hears it later, and may try again; without it nginx hangs up. */
      readonly seconds?: number;
    };

/** Of the whole block, as nginx's buffer is. */
const BLOCK_BYTES = 1024;

/** What Node adds: the status line, `Connection`, `Content-Length` and the empty line, generously. */
const OTHERS_BYTES = 124;

/** An answer that nginx would not understand. */
export class NginxAnswerError extends Error {
  readonly code = 'ERR_NGINX_ANSWER';
  constructor(message: string) {
    super(message);
    this.name = 'NginxAnswerError';
  }
}

/**
 * Names and values in turn, as Node takes them. Throws {@link NginxAnswerError} where cutting
 * would change the meaning: the login at the back end.
 */
export function nginxHeaders(answer: NginxAnswer): string[] {
  switch (answer.kind) {
    case 'ok':
      return okHeaders(answer);
    case 'wait':
      return ['Auth-Status', 'WAIT', 'Auth-Wait', String(Math.max(1, answer.seconds))];
    case 'refused': {
      const { code, seconds = 0, text } = answer;
      const rest = [
        ...(code === undefined ? [] : ['Auth-Error-Code', code]),
        ...(seconds > 0 ? ['Auth-Wait', String(seconds)] : []),
      ];
      const room = BLOCK_BYTES - OTHERS_BYTES - sizeOf(['Auth-Status', '', ...rest]);
      return ['Auth-Status', headerValue(refusalText(text, room)), ...rest];
    }
    default:
      return answer satisfies never;
  }
}

function okHeaders(answer: Extract<NginxAnswer, { kind: 'ok' }>): string[] {
  const { host, port, user } = answer;
  if (isIP(host) === 0) throw new NginxAnswerError(`expected an IP address, got ${oneLine(host)}`);
  const headers = ['Auth-Status', 'OK', 'Auth-Server', host, 'Auth-Port', String(port)];
  if (user === undefined) return headers;
  if (user === '' || user !== oneLine(user))
    throw new NginxAnswerError('the login at the back end does not fit into a header');
  headers.push('Auth-User', headerValue(user));
  if (sizeOf(headers) > BLOCK_BYTES - OTHERS_BYTES)
    throw new NginxAnswerError('the login at the back end is too long for nginx');
  return headers;
}

/** What is neither empty nor an order to nginx. */
function refusalText(text: string, room: number): string {
  const words = cutToBytes(oneLine(text), room).trim();
  return words === '' || words === 'OK' || words === 'WAIT' ? 'Refused' : words;
}

/** Bytes on the wire: a name, `: `, a value and the line end. */
function sizeOf(headers: readonly string[]): number {
  return headers.reduce((sum, each) => sum + each.length + 2, 0);
}
