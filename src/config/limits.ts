/** Everything that could grow without end has a limit with a name and a default. */

import { z } from 'zod';
import { count, duration, expectObject, size } from './fields.ts';
import { type Duration, durationMs, type Size, sizeBytes } from './units.ts';

/** `limits` as written in a configuration. */
export interface LimitsInput {
  /** Bytes of one milter packet; at least '64KB', which a body chunk takes. Default '2MB'. */
  readonly packet?: Size;
  /** Headers of one message. Default 2000. */
  readonly headers?: number;
  /** Bytes of all headers of one message. Default '2MB'. */
  readonly headerBytes?: Size;
  /** Recipients of one message. Default 20000. */
  readonly recipients?: number;
  /** Bytes of one message. Default '100MB'. */
  readonly message?: Size;
  /** MTA connections of one worker. Default 10000. */
  readonly sessions?: number;
  /** How long an MTA may be silent between two commands; MTAs wait 2 h for their clients. Default '7210s'. */
  readonly idle?: Duration;
  /** How long an MTA may take to accept a reply. Default '30s'. */
  readonly write?: Duration;
  /** The longest tarpit; Postfix gives up after 30 s (milter_command_timeout). Default '25s'. */
  readonly delay?: Duration;
  /** Resident memory of one runner process, which is killed above it. Default '512MB'. */
  readonly runnerMemory?: Size;
  /** Runner processes of one worker. Default 1. */
  readonly runners?: number;
  /** `session.state` of one filter, as JSON. Default '64KB'. */
  readonly state?: Size;
  /** Changes of one message that one filter may ask for. Default 1000. */
  readonly modifications?: number;
  /** How long a filter may take to load. Default '5s'. */
  readonly load?: Duration;
  /** How often the MTA is told that the end of a message takes longer. Default '5s'. */
  readonly progress?: Duration;
  /** How long a store may take to answer a filter. Default '150ms'. */
  readonly kv?: Duration;
  /** How long one `http.fetch` may take, redirects included. Default '10s'. */
  readonly http?: Duration;
  /** Bytes of the answer to one `http.fetch`. Default '10MB'. */
  readonly httpSize?: Size;
  /** How long `authenticate(message)` may take. Default '10s'. */
  readonly authenticate?: Duration;
  /** How long `message.parse()` may take. Default '5s'. */
  readonly parseTime?: Duration;
  /** Bytes of a message that `message.parse()` takes. Default '16MB'; a runner needs twenty times as much (`runnerMemory`). */
  readonly parseBytes?: Size;
  /** Characters of text, HTML and names that one `message.parse()` gives. Default '4MB'. */
  readonly parseText?: Size;
  /** Parts of a message that `message.parse()` takes. Default 1000. */
  readonly parseParts?: number;
  /** How deep the parts of a message may be nested for `message.parse()`. Default 50. */
  readonly parseDepth?: number;
  /** What one handler may ask for at once (`kv`, `dns`, `http` ...). Default 1000. */
  readonly calls?: number;
  /** Lines that one filter may log in a second, in each worker. Default 1000. */
  readonly logLines?: number;
}

/** The limits in force. */
export interface Limits {
  readonly packetBytes: number;
  readonly headers: number;
  readonly headerBytes: number;
  readonly recipients: number;
  readonly messageBytes: number;
  readonly sessions: number;
  readonly idleMs: number;
  readonly writeMs: number;
  readonly delayMs: number;
  readonly runnerMemoryBytes: number;
  readonly runners: number;
  readonly stateBytes: number;
  readonly modifications: number;
  readonly loadMs: number;
  readonly progressMs: number;
  readonly kvMs: number;
  readonly httpMs: number;
  readonly httpBytes: number;
  readonly authenticateMs: number;
  /** What `message.parse()` may cost; the runner's own limits (runner/mime/limits.ts). */
  readonly parse: {
    readonly parts: number;
    readonly depth: number;
    readonly bytes: number;
    readonly textLength: number;
    readonly timeMs: number;
  };
  readonly calls: number;
  readonly logLines: number;
}

/** The limits where a configuration says nothing. */
export const DEFAULT_LIMITS: Limits = {
  packetBytes: sizeBytes('2MB'),
  headers: 2000,
  headerBytes: sizeBytes('2MB'),
  recipients: 20_000,
  messageBytes: sizeBytes('100MB'),
  sessions: 10_000,
  idleMs: durationMs('7210s'),
  writeMs: durationMs('30s'),
  delayMs: durationMs('25s'),
  runnerMemoryBytes: sizeBytes('512MB'),
  runners: 1,
  stateBytes: sizeBytes('64KB'),
  modifications: 1000,
  loadMs: durationMs('5s'),
  progressMs: durationMs('5s'),
  kvMs: durationMs('150ms'),
  httpMs: durationMs('10s'),
  httpBytes: sizeBytes('10MB'),
  authenticateMs: durationMs('10s'),
  parse: {
    parts: 1000,
    depth: 50,
    bytes: sizeBytes('16MB'),
    textLength: sizeBytes('4MB'),
    timeMs: durationMs('5s'),
  },
  calls: 1000,
  logLines: 1000,
};

/** The limits as written, each turned into a number. */
export const limitsSchema = z.strictObject(
  {
    packet: size({ least: '64KB', most: '1GB' }).optional(),
    headers: count().optional(),
    headerBytes: size().optional(),
    recipients: count().optional(),
    message: size().optional(),
    sessions: count().optional(),
    idle: duration().optional(),
    write: duration().optional(),
    delay: duration().optional(),
    runnerMemory: size({ least: '64MB' }).optional(),
    runners: count().optional(),
    state: size().optional(),
    modifications: count().optional(),
    load: duration().optional(),
    progress: duration().optional(),
    kv: duration({ least: '1ms', most: '1m' }).optional(),
    http: duration({ most: '1h' }).optional(),
    httpSize: size({ most: '100MB' }).optional(),
    authenticate: duration({ most: '1h' }).optional(),
    parseTime: duration({ most: '10m' }).optional(),
    parseBytes: size({ most: '500MB' }).optional(),
    parseText: size({ most: '100MB' }).optional(),
    parseParts: count().optional(),
    parseDepth: count().optional(),
    calls: count().optional(),
    logLines: count().optional(),
  },
  expectObject("limits such as { delay: '25s', message: '100MB' }"),
);

/** Parsed limits with the defaults in the gaps and units in the names. */
export function limitsOf(parsed: z.output<typeof limitsSchema> = {}): Limits {
  return {
    packetBytes: parsed.packet ?? DEFAULT_LIMITS.packetBytes,
    headers: parsed.headers ?? DEFAULT_LIMITS.headers,
    headerBytes: parsed.headerBytes ?? DEFAULT_LIMITS.headerBytes,
    recipients: parsed.recipients ?? DEFAULT_LIMITS.recipients,
    messageBytes: parsed.message ?? DEFAULT_LIMITS.messageBytes,
    sessions: parsed.sessions ?? DEFAULT_LIMITS.sessions,
    idleMs: parsed.idle ?? DEFAULT_LIMITS.idleMs,
    writeMs: parsed.write ?? DEFAULT_LIMITS.writeMs,
    delayMs: parsed.delay ?? DEFAULT_LIMITS.delayMs,
    runnerMemoryBytes: parsed.runnerMemory ?? DEFAULT_LIMITS.runnerMemoryBytes,
    runners: parsed.runners ?? DEFAULT_LIMITS.runners,
    stateBytes: parsed.state ?? DEFAULT_LIMITS.stateBytes,
    modifications: parsed.modifications ?? DEFAULT_LIMITS.modifications,
    loadMs: parsed.load ?? DEFAULT_LIMITS.loadMs,
    progressMs: parsed.progress ?? DEFAULT_LIMITS.progressMs,
    kvMs: parsed.kv ?? DEFAULT_LIMITS.kvMs,
    httpMs: parsed.http ?? DEFAULT_LIMITS.httpMs,
    httpBytes: parsed.httpSize ?? DEFAULT_LIMITS.httpBytes,
    authenticateMs: parsed.authenticate ?? DEFAULT_LIMITS.authenticateMs,
    parse: {
      parts: parsed.parseParts ?? DEFAULT_LIMITS.parse.parts,
      depth: parsed.parseDepth ?? DEFAULT_LIMITS.parse.depth,
      bytes: parsed.parseBytes ?? DEFAULT_LIMITS.parse.bytes,
      textLength: parsed.parseText ?? DEFAULT_LIMITS.parse.textLength,
      timeMs: parsed.parseTime ?? DEFAULT_LIMITS.parse.timeMs,
    },
    calls: parsed.calls ?? DEFAULT_LIMITS.calls,
    logLines: parsed.logLines ?? DEFAULT_LIMITS.logLines,
  };
}
