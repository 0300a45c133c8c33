/** Dovecot's event exporter (http-post, JSON, one event a request): told, not asked. */

import type { Attributes, ServerEvent } from '../policy/logins.ts';
import type { Background } from './background.ts';
import { BadRequest } from './bad-request.ts';
import type { Gate } from './gate.ts';
import { isObject, textOf } from './json.ts';
import type { LoginLog } from './log.ts';
import type { LoginSessions } from './login-sessions.ts';

export interface EventsOptions {
  readonly gate: Gate;
  readonly sessions: LoginSessions;
  readonly log: LoginLog;
  readonly background: Background;
  /** Reports and events that filters work on at once. */
  readonly waiting: number;
}

/** A session is over: the mail process ended, or the client left before it logged in. */
const ENDS_SESSION: ReadonlySet<string> = new Set(['mail_user_session_finished', 'login_aborted']);

export class Events {
  readonly #options: EventsOptions;

  constructor(options: EventsOptions) {
    this.#options = options;
  }

  /** Returns at once; throws BadRequest for what is no event. */
  take(body: Attributes): void {
    const event = readEvent(body);
    const { gate, sessions, log, background, waiting } = this.#options;
    const session = textOf(event.fields.session);
    if (session !== undefined) {
      if (ENDS_SESSION.has(event.name)) sessions.ended(session);
      else sessions.heard(session);
    }
    if (!gate.handles('event')) return;
    if (background.size >= waiting) {
      log.warn('events', { waiting }, 'dropped an event: the filters are behind with as many');
      return;
    }
    background.add(gate.ask({ phase: 'event', event }, { signal: background.signal }));
  }
}

function readEvent(body: Attributes): ServerEvent {
  const name = textOf(body.event);
  if (name === undefined) throw new BadRequest(400, "expected the key 'event' with a name");
  const start = textOf(body.start_time);
  const end = textOf(body.end_time);
  return {
    name,
    ...(start !== undefined && { start }),
    ...(end !== undefined && { end }),
    fields: isObject(body.fields) ? body.fields : {},
  };
}
