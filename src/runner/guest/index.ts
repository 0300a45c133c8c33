/**
 * The isolate's side of the border. The host calls these functions and sees their strings;
 * nothing of the host is ever visible in here. One isolate holds one filter.
 */

import { isPhase, type Phase } from '../../policy/phases.ts';
import { parseFact } from '../fact-log.ts';
import {
  type GuestBorder,
  type GuestCall,
  type GuestLimits,
  type LoadReport,
  type SessionOpening,
  SIGN,
} from '../guest-border.ts';
import type { PosternModule } from './api.ts';
import { authenticate } from './authenticate.ts';
import { setCurrentEvent } from './current.ts';
import { abandon, begin, explain, type Handler, resume } from './dispatch.ts';
import { dns } from './dns.ts';
import { recipientFromWire } from './esmtp.ts';
import { installGlobals } from './globals.ts';
import { hash } from './hash.ts';
import { http } from './http.ts';
import { kv } from './kv.ts';
import { limitLog, log } from './log.ts';
import { metrics } from './metrics.ts';
import { net } from './net.ts';
import { answer, giveHeld, limitCalls, take } from './outbox.ts';
import { GuestSession } from './session.ts';
import { sleep } from './sleep.ts';
import {
  accept,
  delay,
  discard,
  filter,
  hold,
  prepend,
  redirect,
  reject,
  route,
  skip,
  tempfail,
} from './verdicts.ts';

const handlers = new Map<Phase, Handler>();
const sessions = new Map<number, GuestSession>();

/** Evaluates the filter; `factory` is its compiled script. */
function load(
  factory: (postern: PosternModule) => Record<string, unknown>,
  settingsJson: string,
  limitsJson: string,
): string {
  installGlobals();
  const limits = JSON.parse(limitsJson) as GuestLimits;
  limitCalls(limits.calls);
  limitLog(limits.logLines);
  const settings: unknown = deepFreeze(JSON.parse(settingsJson));
  const postern: PosternModule = {
    accept,
    reject,
    tempfail,
    discard,
    skip,
    delay,
    route,
    prepend,
    redirect,
    hold,
    filter,
    kv,
    log,
    dns,
    http,
    net,
    hash,
    metrics,
    authenticate,
    sleep,
    settings,
  };
  const report: { -readonly [Key in keyof LoadReport]: LoadReport[Key] } = {
    phases: [],
    unknown: [],
  };
  try {
    const exported = factory(Object.freeze(postern));
    for (const name of Object.keys(exported)) {
      const value = exported[name];
      if (name === 'options') report.options = JSON.parse(JSON.stringify(value ?? {}));
      else if (isPhase(name) && typeof value === 'function') {
        handlers.set(name, value as Handler);
        report.phases = [...report.phases, name];
      } else report.unknown = [...report.unknown, name];
    }
  } catch (error) {
    const [message, stack] = explain(error);
    report.error = { message, stack };
  }
  return JSON.stringify(report);
}

function call(
  event: number,
  sessionKey: number,
  generation: number,
  callJson: string,
  buffer: ArrayBuffer | undefined,
  ...facts: string[]
): string {
  setCurrentEvent(event);
  const what = JSON.parse(callJson) as GuestCall;
  const session =
    sessionKey === 0 ? undefined : enter(event, sessionKey, generation, what.phase, facts);
  const handler = handlers.get(what.phase);
  if (!handler) return SIGN.quiet;
  return begin(event, what.phase, handler, session, argumentLists(what, session, buffer)) ?? said();
}

function enter(
  event: number,
  key: number,
  generation: number,
  phase: Phase,
  facts: string[],
): GuestSession {
  let session = sessions.get(key);
  let at = 0;
  if (!session) {
    session = new GuestSession(JSON.parse(facts[at++]!) as SessionOpening);
    sessions.set(key, session);
  }
  session.enter(event, phase, generation);
  for (; at < facts.length; at += 1) session.learn(parseFact(facts[at]!));
  return session;
}

/** The handler's calls that this call means, one list of arguments each. */
function argumentLists(
  what: GuestCall,
  session: GuestSession | undefined,
  buffer: ArrayBuffer | undefined,
): (readonly unknown[])[] {
  switch (what.phase) {
    case 'init':
    case 'exit':
      return [[]];
    case 'connect':
    case 'helo':
    case 'mail':
    case 'data':
    case 'eoh':
    case 'abort':
    case 'close':
      return [[session]];
    case 'rcpt':
      return [[session, recipientFromWire(what.address, what.args)]];
    case 'unknown':
      return [[session, what.command]];
    case 'header': {
      const lists: unknown[][] = [];
      for (let index = what.from; index < what.to; index += 1)
        lists.push([session, session?.message?.headers.came(index)]);
      return lists;
    }
    case 'body': {
      let at = 0;
      return what.lengths.map((length) => {
        const chunk = new Uint8Array(buffer!, at, length);
        at += length;
        return [session, chunk];
      });
    }
    case 'auth':
      return [[deepFreeze(what.attempt)]];
    case 'login':
      return [[deepFreeze(what.outcome)]];
    case 'access':
      return [[deepFreeze(what.request)]];
    case 'event':
      return [[deepFreeze(what.event)]];
    case 'eom':
      session?.message?.learnSize(what.size);
      return [[session, session?.message]];
    default:
      return what satisfies never;
  }
}

/** The answer to a capability request; what comes of it is taken with `drain`. */
function result(
  event: number,
  callId: number,
  ok: boolean,
  json: string,
  buffer?: ArrayBuffer,
): void {
  setCurrentEvent(event);
  answer(callId, { ok, json, bytes: buffer && new Uint8Array(buffer) });
}

/** A handler ended with something to say: a filter that broke what the library stands on must not make it nothing. */
function said(): string {
  const items = take();
  if (items === '') throw new Error('what a handler said is lost');
  return items;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const inner of Object.values(value)) deepFreeze(inner);
    Object.freeze(value);
  }
  return value;
}

/** What the border's function returned; `undefined` while it runs, and when it threw. */
let last: string | undefined;

const border: GuestBorder = {
  load: load as GuestBorder['load'],
  call: (...args) => {
    last = undefined;
    last = call(...args);
    return last;
  },
  resume: () => {
    last = undefined;
    last = resume() ?? said();
    return last;
  },
  result: (...args) => {
    last = undefined;
    result(...args);
    last = SIGN.quiet;
  },
  drain: () => {
    last = undefined;
    last = giveHeld() ? SIGN.more : take();
    return last;
  },
  again: () => {
    const well = last;
    last = undefined;
    return well;
  },
  abandon: (event) => {
    last = undefined;
    abandon(event);
    last = SIGN.quiet;
  },
  forget: (sessionKey) => {
    last = undefined;
    sessions.get(sessionKey)?.end();
    sessions.delete(sessionKey);
    last = SIGN.quiet;
  },
};

export default border;
