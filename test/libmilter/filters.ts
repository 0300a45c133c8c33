/** Filters that run and can be talked to, whichever implementation runs them. */

import type { MtaConnection } from './mta-connection.ts';

export interface Session {
  readonly mta: MtaConnection;
  /** What the filter has recorded in this session; asked for after the connection was closed. */
  journal(): Promise<readonly string[]>;
}

export interface RunningFilters {
  /** Begins a session with the filter of this name. One filter has one session at a time. */
  open(name: string): Promise<Session>;
  stop(): Promise<void>;
}
