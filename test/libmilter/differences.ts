/**
 * Where Postern differs from libmilter on purpose, and why. A test that meets a difference names
 * it here and says what either side does; docs/reference/libmilter.md has the same names.
 */
export const DIFFERENCES = {
  'discard at rcpt ends the message':
    'Postern takes DISCARD for the end of the message, as it is for the MTA. libmilter goes on with it, so that the ABORT of the MTA reaches the abort callback.',
  'misplaced verdicts fail the filter':
    'A verdict that no MTA understands in that phase is an error of the author: logged, and answered with onError. libmilter sends it as it is.',
} as const satisfies Readonly<Record<string, string>>;

export type DifferenceName = keyof typeof DIFFERENCES;

/** What either side does where they differ; what is not said here has to be the same. */
export interface Difference {
  readonly name: DifferenceName;
  /** A step of the script, or several, and the replies that it gets. */
  readonly at?: string | readonly string[];
  readonly libmilter?: readonly string[];
  readonly postern?: readonly string[];
  /** Lines of the filters' journals that only one of them has, in order. */
  readonly onlyLibmilter?: readonly string[];
  readonly onlyPostern?: readonly string[];
  /** With these offers only. */
  readonly offers?: readonly string[];
}
