/** What capabilities tell the operator; pino has this shape. */
export interface CapabilityLog {
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}
