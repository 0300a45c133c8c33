/** A mail server for tests, of either make. */

import type { LogWait } from './mail-log.ts';
import { type Settings, startPostfix } from './postfix.ts';
import { type SendmailSettings, startSendmail } from './sendmail.ts';

export const MTA_NAMES = ['postfix', 'sendmail'] as const;
export type MtaName = (typeof MTA_NAMES)[number];

/** A filter, by where it listens. */
export type Milter = {
  readonly at: { readonly port: number } | { readonly path: string };
  /** How long the MTA waits for a reply. */
  readonly timeoutSeconds?: number | undefined;
};

export type MtaOptions = {
  /** Each becomes the filter of a listener on a port of its own. */
  readonly milters: readonly Milter[];
  /** The port on loopback to which all mail goes on. */
  readonly receiverPort: number;
  /** What only one of them understands. */
  readonly settings?: MtaSettings | undefined;
};

/** Settings of each make: main.cf, and options of sendmail.cf. */
export type MtaSettings = {
  readonly postfix?: Settings;
  readonly sendmail?: SendmailSettings;
};

/** What both have in common. */
export type Mta = {
  /** The ports of the listeners, in the order of their filters. */
  readonly ports: readonly number[];
  readonly directory: string;
  readonly pid: number;
  log(): string;
  waitForLog(pattern: RegExp | string, wait?: LogWait): Promise<string>;
  queue(): Promise<readonly QueuedMessage[]>;
  waitForQueue(matches: (entry: QueuedMessage) => boolean): Promise<QueuedMessage>;
  stop(): Promise<void>;
};

/** A message that was not delivered. */
export type QueuedMessage = {
  /** `hold` for what a filter put in quarantine. */
  readonly queueName: string;
  readonly queueId: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string }[];
};

const DEFAULT_TIMEOUT_SECONDS = 30;

/** Starts the one that is wanted. */
export function startMta(name: MtaName, options: MtaOptions): Promise<Mta> {
  switch (name) {
    case 'postfix':
      return postfix(options);
    case 'sendmail':
      return sendmail(options);
    default:
      return name satisfies never;
  }
}

function postfix({ milters, receiverPort, settings }: MtaOptions): Promise<Mta> {
  return startPostfix({
    receiverPort,
    services: milters.map(({ at, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS }) => {
      const address = 'port' in at ? `inet:127.0.0.1:${at.port}` : `unix:${at.path}`;
      const timeouts = ['command', 'content'].map((name) => `${name}_timeout=${timeoutSeconds}s`);
      return { milters: `{ ${[address, ...timeouts].join(', ')} }` };
    }),
    ...(settings?.postfix && { settings: settings.postfix }),
  });
}

function sendmail({ milters, receiverPort, settings }: MtaOptions): Promise<Mta> {
  return startSendmail({
    receiverPort,
    services: milters.map(({ at, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS }) => ({
      milter: 'port' in at ? `inet:${at.port}@127.0.0.1` : `unix:${at.path}`,
      timeouts: `C:5s;S:30s;R:${timeoutSeconds}s;E:5m`,
    })),
    ...(settings?.sendmail && { settings: settings.sendmail }),
  });
}
