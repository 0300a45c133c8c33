/** Where log lines go. A pino logger is one; tests pass their own. */

export interface Logger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** What may be logged of an error: its stable code and its message. */
export function errorFields(error: unknown): { readonly code?: string; readonly error: string } {
  if (!(error instanceof Error)) return { error: String(error) };
  const { code } = error as Error & { readonly code?: unknown };
  return { ...(typeof code === 'string' && { code }), error: error.message };
}
