/** Which path and command is answered by whom. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isStoreFailure } from '../../kv/errors.ts';
import { BadRequest } from '../bad-request.ts';
import type { Dovecot } from '../dovecot.ts';
import type { Events } from '../events.ts';
import { parseObject } from '../json.ts';
import type { LoginLog } from '../log.ts';
import type { Nginx } from '../nginx.ts';
import { type NginxAnswer, NginxAnswerError, nginxHeaders } from '../nginx-answer.ts';
import { readNginxRequest } from '../nginx-request.ts';
import { WEAKFORCED_COMMANDS, type Weakforced } from '../weakforced.ts';
import { sendHeaders, sendJson } from './answer.ts';
import { readBody } from './body.ts';

export interface RoutesOptions {
  readonly log: LoginLog;
  readonly bodyBytes: number;
  readonly dovecot: Dovecot;
  readonly weakforced: Weakforced;
  readonly nginx: Nginx;
  readonly events: Events;
}

const POST_ONLY: readonly string[] = ['POST'];

const SORRY: NginxAnswer = {
  kind: 'refused',
  text: 'Login is not possible now, try again later',
  code: '454 4.7.0',
};

export class Routes {
  readonly #options: RoutesOptions;

  constructor(options: RoutesOptions) {
    this.#options = options;
  }

  /** Rejects with BadRequest, or with what went wrong here. */
  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { path, command } = target(request.url ?? '');
    switch (path) {
      case '/dovecot':
        return this.#command(command, request, response);
      case '/nginx':
        return this.#nginx(request, response);
      case '/events':
        return this.#event(request, response);
      default:
        throw new BadRequest(404, 'expected the path /dovecot, /nginx or /events');
    }
  }

  async #command(
    command: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { dovecot } = this.#options;
    switch (command) {
      case 'allow': {
        checkMethod(request, POST_ONLY);
        const signal = signalOf(response);
        const answer = await dovecot.allow(await this.#object(request), signal);
        if (answer) sendJson(response, 200, answer);
        return;
      }
      case 'report':
        checkMethod(request, POST_ONLY);
        sendJson(response, 200, await dovecot.report(await this.#object(request)));
        return;
      default:
        return this.#weakforced(command, request, response);
    }
  }

  async #weakforced(
    command: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const methods = WEAKFORCED_COMMANDS.get(command);
    if (!methods) throw new BadRequest(404, 'unknown command');
    checkMethod(request, methods);
    const body = methods.includes('GET') ? {} : await this.#object(request);
    try {
      sendJson(response, 200, await this.#options.weakforced.perform(command, body));
    } catch (error) {
      if (isStoreFailure(error)) throw new BadRequest(503, `the store failed: ${error.code}`);
      throw error;
    }
  }

  async #nginx(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkMethod(request, ['GET']);
    const asked = readNginxRequest(request.rawHeaders);
    const answer = await this.#options.nginx.ask(asked, signalOf(response));
    if (!answer) return;
    sendHeaders(response, this.#nginxHeaders(answer));
  }

  #nginxHeaders(answer: NginxAnswer): readonly string[] {
    try {
      return nginxHeaders(answer);
    } catch (error) {
      if (!(error instanceof NginxAnswerError)) throw error;
      this.#options.log.error(
        'nginx',
        { code: error.code, error: error.message },
        'nginx cannot be told the back end of a login; check route() and auth.nginx',
      );
      return nginxHeaders(SORRY);
    }
  }

  async #event(request: IncomingMessage, response: ServerResponse): Promise<void> {
    checkMethod(request, POST_ONLY);
    const { events } = this.#options;
    events.take(await this.#object(request));
    response.writeHead(200, { 'Content-Length': 0 }).end();
  }

  async #object(request: IncomingMessage) {
    return parseObject(await readBody(request, this.#options.bodyBytes));
  }
}

/** Without a query that makes no sense; a slash at the end is nothing. */
function target(url: string): { readonly path: string; readonly command: string } {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  return {
    path: path.length > 1 ? path.replace(/\/$/, '') : path,
    command: new URLSearchParams(query).get('command') ?? '',
  };
}

function checkMethod(request: IncomingMessage, methods: readonly string[]): void {
  if (!methods.includes(request.method ?? ''))
    throw new BadRequest(405, `expected the method ${methods.join(' or ')}`);
}

/** Aborted when the caller goes away before it has its answer. */
function signalOf(response: ServerResponse): AbortSignal {
  const away = new AbortController();
  if (response.destroyed) away.abort();
  response.once('close', () => {
    if (!response.writableFinished) away.abort();
  });
  return away.signal;
}
