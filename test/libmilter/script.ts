/** What an MTA says in a session, step by step: the packets, and going away without QUIT. */

import type { Command, Family } from 'net-milter-codec';

/** A header's value is as in the message, with the space after the colon. */
export type Step = Command | { readonly kind: 'eof' };

export type Script = readonly Step[];

export const connect = (
  hostname = 'client.example.org',
  address = '192.0.2.7',
  family: Family = 'inet',
): Step => ({
  kind: 'connect',
  hostname,
  family,
  port: family.startsWith('inet') ? 25_025 : 0,
  address,
});

export const helo = (name = 'client.example.org'): Step => ({ kind: 'helo', name });

export const mail = (address = '<sender@example.org>', ...args: string[]): Step => ({
  kind: 'mail',
  address,
  args,
});

export const rcpt = (address = '<recipient@example.com>', ...args: string[]): Step => ({
  kind: 'rcpt',
  address,
  args,
});

export const data: Step = { kind: 'data' };

export const unknown = (command: string): Step => ({ kind: 'unknown', command });

export const header = (name: string, value: string): Step => ({ kind: 'header', name, value });

export const eoh: Step = { kind: 'eoh' };

export const body = (text: string): Step => ({ kind: 'body', chunk: Buffer.from(text, 'latin1') });

export const eom: Step = { kind: 'bodyeob' };

export const abort: Step = { kind: 'abort' };

export const quit: Step = { kind: 'quit' };

export const quitNc: Step = { kind: 'quitNc' };

export const eof: Step = { kind: 'eof' };

/** Macros for a command, by its code and by their names on the wire. */
export const macros = (command: string, values: Readonly<Record<string, string>>): Step => ({
  kind: 'macro',
  command,
  values: Object.entries(values),
});

export const HEADERS: Script = [
  header('From', ' Sender <sender@example.org>'),
  header('To', ' recipient@example.com'),
  header('Subject', ' A message'),
];

export const BODY: Script = [body('Hello.\r\n'), body('Bye.\r\n')];

/** From DATA to the end of the message. */
export const CONTENT: Script = [data, ...HEADERS, eoh, ...BODY, eom];

/** A whole message. */
export const message = (from = '<sender@example.org>', to = '<recipient@example.com>'): Script => [
  mail(from),
  rcpt(to),
  ...CONTENT,
];

/** The names of steps in reports: `rcpt <recipient@example.com>`. */
export function titleOf(step: Step): string {
  switch (step.kind) {
    case 'connect':
      return `connect ${step.hostname}`;
    case 'helo':
    case 'header':
      return `${step.kind} ${step.name}`;
    case 'mail':
    case 'rcpt':
      return `${step.kind} ${step.address}`;
    case 'unknown':
      return `unknown ${step.command}`;
    case 'macro':
      return `macro ${step.command}`;
    case 'bodyeob':
      return 'end of message';
    default:
      return step.kind;
  }
}
