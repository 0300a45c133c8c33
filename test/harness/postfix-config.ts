/** The two configuration files of a Postfix that serves tests. */

/** Settings by name, as in main.cf. */
export type Settings = Readonly<Record<string, string>>;

/** One listener: an smtpd with a milter configuration of its own. */
export type PostfixService = {
  /** The value of smtpd_milters, such as `inet:127.0.0.1:1234`; none when left out. */
  readonly milters?: string;
  /** More settings for this smtpd alone; the cleanup server behind it does not see them. */
  readonly options?: Settings;
};

/** What {@link mainCf} has to know. */
export type MainCfOptions = {
  readonly directory: string;
  /** The port on loopback to which all mail goes on. */
  readonly receiverPort: number;
  readonly settings?: Settings | undefined;
};

/** The text of main.cf. `settings` win over everything else. */
export function mainCf({ directory, receiverPort, settings }: MainCfOptions): string {
  const lines = Object.entries({
    ...placeSettings(directory),
    ...addressSettings(receiverPort),
    ...PROMPT_SETTINGS,
    ...FAITHFUL_SETTINGS,
    ...MILTER_SETTINGS,
    ...settings,
  }).map(([name, value]) => `${name} = ${value}`);
  return `${lines.join('\n')}\n`;
}

/** The text of master.cf. */
export function masterCf(
  listeners: readonly { readonly port: number; readonly service: PostfixService }[],
): string {
  const lines = listeners.map(({ port, service }) => listenerEntry(port, service));
  return `${[...lines, ...STOCK_SERVICES].join('\n')}\n`;
}

function listenerEntry(port: number, { milters = '', options }: PostfixService): string {
  const entries = Object.entries({ smtpd_milters: milters, ...options });
  // The form in braces lets values have spaces.
  const overrides = entries.map(([name, value]) => `\n  -o { ${name} = ${value} }`);
  return `127.0.0.1:${port} inet n - n - - smtpd${overrides.join('')}`;
}

function placeSettings(directory: string): Settings {
  return {
    compatibility_level: '3.6',
    queue_directory: `${directory}/spool`,
    data_directory: `${directory}/data`,
    maillog_file: `${directory}/mail.log`,
    maillog_file_prefixes: directory,
    inet_interfaces: '127.0.0.1',
    inet_protocols: 'all',
  };
}

/** Every domain is one that is relayed for, and everything goes to the receiver: bounces too. */
function addressSettings(receiverPort: number): Settings {
  return {
    myhostname: 'mx.postern.test',
    mydestination: '',
    mynetworks: '127.0.0.0/8',
    relay_domains: 'static:all',
    // Nothing that a test did not ask for gets to the receiver.
    notify_classes: '',
    relay_transport: `relay:[127.0.0.1]:${receiverPort}`,
    alias_maps: '',
    alias_database: '',
    smtputf8_enable: 'yes',
    smtpd_authorized_xclient_hosts: '127.0.0.0/8',
  };
}

/** Nothing waits for DNS, for a penalty or for its turn. */
const PROMPT_SETTINGS: Settings = {
  smtpd_peername_lookup: 'no',
  smtp_dns_support_level: 'disabled',
  smtpd_error_sleep_time: '0',
  smtpd_soft_error_limit: '1000',
  smtpd_hard_error_limit: '1000',
  smtpd_junk_command_limit: '1000',
  smtpd_client_connection_count_limit: '0',
  smtpd_client_connection_rate_limit: '0',
  smtpd_client_message_rate_limit: '0',
  smtpd_client_recipient_rate_limit: '0',
  in_flow_delay: '0',
  // A kept connection would outlive the test that closes its receiver.
  smtp_connection_cache_on_demand: 'no',
};

/** What the receiver gets is what went in: no headers of Postfix's own, no broken lines. */
const FAITHFUL_SETTINGS: Settings = {
  local_header_rewrite_clients: '',
  smtp_line_length_limit: '0',
};

const MILTER_SETTINGS: Settings = {
  milter_protocol: '6',
  milter_default_action: 'tempfail',
  milter_connect_timeout: '5s',
  milter_command_timeout: '30s',
  milter_content_timeout: '60s',
};

/** Debian's list without chroot and without what only local delivery needs. */
const STOCK_SERVICES: readonly string[] = [
  'pickup    unix       n - n 60    1 pickup',
  'cleanup   unix       n - n -     0 cleanup',
  'qmgr      unix       n - n 300   1 qmgr',
  'rewrite   unix       - - n -     - trivial-rewrite',
  'bounce    unix       - - n -     0 bounce',
  'defer     unix       - - n -     0 bounce',
  'trace     unix       - - n -     0 bounce',
  'verify    unix       - - n -     1 verify',
  'flush     unix       n - n 1000? 0 flush',
  'proxymap  unix       - - n -     - proxymap',
  'smtp      unix       - - n -     - smtp',
  'relay     unix       - - n -     - smtp',
  'showq     unix       n - n -     - showq',
  'error     unix       - - n -     - error',
  'retry     unix       - - n -     - error',
  'tlsmgr    unix       - - n 1000? 1 tlsmgr',
  'discard   unix       - - n -     - discard',
  'anvil     unix       - - n -     1 anvil',
  'scache    unix       - - n -     1 scache',
  'postlog   unix-dgram n - n -     1 postlogd',
];
