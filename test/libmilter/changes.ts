/** Changes in plans, and a session whose message they are made to. */

import { ALL, type Plan, type PlanChange } from './plan.ts';
import {
  connect,
  data,
  eoh,
  eom,
  header,
  helo,
  macros,
  mail,
  rcpt,
  type Script,
} from './script.ts';

/** The headers of the message. */
export const MESSAGE_HEADERS = [
  ['From', ' sender@example.org'],
  ['X-Many', ' one'],
  ['X-Many', ' two'],
  ['x-many', ' three'],
  ['Subject', ' A message'],
] as const;

export const MESSAGE: Script = [
  mail(),
  rcpt('<Recipient@Example.COM>'),
  rcpt('<second@example.com>'),
  data,
  ...MESSAGE_HEADERS.map(([name, value]) => header(name, value)),
  eoh,
  eom,
];

/** MTAs say who they are in macro v: Postern places headers as that MTA needs it. */
export const SENDMAIL: Script = [
  macros('C', { v: '8.17.1.9/8.17.1.9' }),
  connect(),
  helo(),
  ...MESSAGE,
];
export const POSTFIX: Script = [
  macros('C', { v: 'Postfix 3.7.11' }),
  connect(),
  helo(),
  ...MESSAGE,
];

export const changing = (...changes: readonly PlanChange[]): Plan => ({ phases: ALL, changes });

export const add = (name: string, value: string): PlanChange => ({
  kind: 'addheader',
  name,
  value,
});
export const insert = (index: number, name: string, value: string): PlanChange => ({
  kind: 'insheader',
  index,
  name,
  value,
});
export const change = (name: string, index: number, value: string): PlanChange => ({
  kind: 'chgheader',
  name,
  index,
  value,
});
export const remove = (name: string, index: number): PlanChange => ({
  kind: 'delheader',
  name,
  index,
});
export const sender = (address: string, args?: string): PlanChange => ({
  kind: 'chgfrom',
  address,
  ...(args && { args }),
});
export const recipient = (address: string, args?: string): PlanChange => ({
  kind: 'addrcpt',
  address,
  ...(args && { args }),
});
export const drop = (address: string): PlanChange => ({ kind: 'delrcpt', address });
export const newBody = (body: string): PlanChange => ({ kind: 'replacebody', body });
export const quarantine = (reason: string): PlanChange => ({ kind: 'quarantine', reason });
export const progress: PlanChange = { kind: 'progress' };
