/** The configuration of a Sendmail that serves tests: what m4 makes sendmail.cf of. */

/** Options of sendmail.cf by name, such as `MaxMessageSize`. */
export type SendmailSettings = Readonly<Record<string, string>>;

/** One listener: a port with a filter of its own, or none. */
export type SendmailService = {
  /** Sendmail's spelling of a milter's socket, such as `inet:1234@127.0.0.1`. */
  readonly milter?: string;
  /** How long Sendmail waits for the filter, as in the T= of its X line. */
  readonly timeouts?: string;
};

/** What {@link sendmailMc} has to know. */
export type SendmailMcOptions = {
  readonly directory: string;
  readonly hostname: string;
  /** The port on loopback to which all mail goes on. */
  readonly receiverPort: number;
  readonly listeners: readonly { readonly port: number; readonly service: SendmailService }[];
};

const TIMEOUTS = 'C:5s;S:30s;R:30s;E:5m';
/** No filter, no mail: a Postern that is not there shows in every test. */
const FAILURE = 'T';

/** The text of sendmail.mc. */
export function sendmailMc(options: SendmailMcOptions): string {
  return [
    "OSTYPE(`linux')",
    ...placeLines(options.directory),
    ...addressLines(options),
    ...PROMPT_LINES,
    ...FAITHFUL_LINES,
    ...options.listeners.flatMap(({ port, service }, index) => listenerLines(port, service, index)),
    "MAILER(`smtp')",
    '',
  ]
    .map((line) => `${line}\n`)
    .join('');
}

/** The names of listeners, as Sendmail tells them to filters in {daemon_name}. */
export const daemonName = (index: number): string => `daemon${index}`;

function listenerLines(
  port: number,
  { milter, timeouts = TIMEOUTS }: SendmailService,
  index: number,
): readonly string[] {
  const name = daemonName(index);
  const daemon = `Name=${name}, Addr=127.0.0.1, Port=${port}`;
  if (milter === undefined) return [`DAEMON_OPTIONS(\`${daemon}')`];
  // MAIL_FILTER names a filter that only those use who ask for it.
  return [
    `MAIL_FILTER(\`${name}', \`S=${milter}, F=${FAILURE}, T=${timeouts}')`,
    `DAEMON_OPTIONS(\`${daemon}, InputMailFilters=${name}')`,
  ];
}

function placeLines(directory: string): readonly string[] {
  return [
    define('QUEUE_DIR', `${directory}/queue`),
    define('confPID_FILE', `${directory}/sendmail.pid`),
    define('STATUS_FILE', ''),
    define('ALIAS_FILE', ''),
    define('confSERVICE_SWITCH_FILE', `${directory}/service.switch`),
    "FEATURE(`no_default_msa')",
  ];
}

/** Everybody may send to everybody, and everything goes to the receiver: bounces too. */
function addressLines({ hostname, receiverPort }: SendmailMcOptions): readonly string[] {
  return [
    define('confDOMAIN_NAME', hostname),
    define('SMART_HOST', 'relay:[127.0.0.1]'),
    define('RELAY_MAILER_ARGS', `TCP $h ${receiverPort}`),
    define('confDOUBLE_BOUNCE_ADDRESS', ''),
    "FEATURE(`nocanonify')",
    "FEATURE(`accept_unresolvable_domains')",
    "FEATURE(`accept_unqualified_senders')",
    "FEATURE(`promiscuous_relay')",
  ];
}

/** Nothing waits for a name server, for a quieter machine or for its turn. */
const PROMPT_LINES: readonly string[] = [
  define('confTO_IDENT', '0'),
  define('confQUEUE_LA', '10000'),
  define('confREFUSE_LA', '10000'),
  // What has got its 250 has been delivered, if it can be.
  define('confDELIVERY_MODE', 'interactive'),
  // A kept connection would outlive the test that closes its receiver.
  define('confMCI_CACHE_SIZE', '0'),
];

/** Lines that were long stay long. */
const FAITHFUL_LINES: readonly string[] = [define('RELAY_MAILER_LL', '0')];

function define(name: string, value: string): string {
  return `define(\`${name}', \`${value}')`;
}
