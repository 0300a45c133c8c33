/** What an isolate tells its host, as JSON. Shared by the guest library and the runner; no imports. */

export type OutboxItem =
  /** A handler ended. States are JSON texts and present only when they changed. */
  | readonly [
      kind: 'done',
      event: number,
      verdict: unknown,
      modifications: readonly unknown[] | null,
      sessionState: string | null,
      messageState: string | null,
    ]
  /** A handler failed: what it threw and where. */
  | readonly [kind: 'fail', event: number, message: string, stack: string]
  /** A handler asks for a capability. */
  | readonly [
      kind: 'call',
      call: number,
      event: number,
      operation: string,
      args: readonly unknown[],
    ]
  | readonly [
      kind: 'log',
      event: number,
      level: 'debug' | 'info' | 'warn' | 'error',
      text: string,
      fields: unknown,
    ];
