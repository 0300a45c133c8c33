/**
 * The commands of weakforced's clients beside `allow` and `report`, so that scripts made for it
 * work (its REST API, docs/swagger/wforce_api). What is not here has no meaning: databases that
 * weakforced's own rules use, and its siblings.
 */

import type { Attributes, AttributeValue } from '../policy/logins.ts';
import { canonicalAddress } from './address.ts';
import { BadRequest } from './bad-request.ts';
import type { PolicyCounts } from './dovecot.ts';
import { textOf } from './json.ts';
import type { ListEntry, ListName, Lists, Subject } from './lists.ts';
import { parseNetmask } from './netmask.ts';

export interface WeakforcedOptions {
  readonly lists?: Lists;
  readonly counts: () => PolicyCounts;
}

/** Methods of HTTP by command; weakforced's clients use no others. */
export const WEAKFORCED_COMMANDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['ping', ['GET', 'POST']],
  ['stats', ['GET', 'POST']],
  ['getBL', ['GET', 'POST']],
  ['getWL', ['GET', 'POST']],
  ['reset', ['POST']],
  ['addBLEntry', ['POST']],
  ['delBLEntry', ['POST']],
  ['addWLEntry', ['POST']],
  ['delWLEntry', ['POST']],
]);

/** Longer bans are for good; a date must stay a date. */
const LONGEST_SECONDS = 10 * 365 * 86_400;
const REASON_LENGTH = 500;

const OK = { status: 'ok' } as const;

export class Weakforced {
  readonly #options: WeakforcedOptions;

  constructor(options: WeakforcedOptions) {
    this.#options = options;
  }

  /** The JSON answer; throws BadRequest, rejects with KvError. */
  async perform(command: string, body: Attributes): Promise<AttributeValue> {
    switch (command) {
      case 'ping':
        return OK;
      case 'stats':
        return this.#stats();
      case 'reset':
        return this.#reset(body);
      case 'getBL':
        return { bl_entries: (await this.#lists.entries('ban')).map(formatEntry) };
      case 'getWL':
        return { wl_entries: (await this.#lists.entries('allow')).map(formatEntry) };
      case 'addBLEntry':
        return this.#add('ban', body);
      case 'addWLEntry':
        return this.#add('allow', body);
      case 'delBLEntry':
        return this.#delete('ban', body);
      case 'delWLEntry':
        return this.#delete('allow', body);
      default:
        throw new BadRequest(404, 'unknown command');
    }
  }

  get #lists(): Lists {
    const { lists } = this.#options;
    if (!lists) throw new BadRequest(501, 'there is no store for lists');
    return lists;
  }

  async #add(list: ListName, body: Attributes): Promise<AttributeValue> {
    const subject = subjectOf(body);
    const seconds = secondsOf(body.expire_secs);
    const reason = (textOf(body.reason) ?? '').slice(0, REASON_LENGTH);
    await this.#lists.add(
      list,
      subject,
      reason,
      seconds === undefined ? undefined : seconds * 1000,
    );
    return OK;
  }

  async #delete(list: ListName, body: Attributes): Promise<AttributeValue> {
    await this.#lists.delete(list, subjectOf(body));
    return OK;
  }

  /** The bans of an address, a login and both; counters belong to the filters that made them. */
  async #reset(body: Attributes): Promise<AttributeValue> {
    const subject = subjectOf(body);
    const subjects: Subject[] = [subject];
    if (subject.kind === 'ip-login') {
      subjects.push({ kind: 'ip', ip: subject.ip }, { kind: 'login', login: subject.login });
    }
    await Promise.all(subjects.map((each) => this.#lists.delete('ban', each)));
    return OK;
  }

  #stats(): AttributeValue {
    const { allows, reports, denied, tarpitted } = this.#options.counts();
    const { user, system } = process.cpuUsage();
    return {
      reports,
      allows,
      denieds: denied,
      'user-msec': Math.round(user / 1000),
      'sys-msec': Math.round(system / 1000),
      perfstats: {},
      commandstats: {
        allow: allows,
        allow_denied: denied,
        allow_tarpitted: tarpitted,
        report: reports,
      },
      customstats: {},
    };
  }
}

function subjectOf(body: Attributes): Subject {
  const login = textOf(body.login);
  const netmask = textOf(body.netmask);
  const ip = textOf(body.ip);
  if (netmask !== undefined) {
    const net = parseNetmask(netmask);
    if (!net) throw new BadRequest(400, "expected 'netmask' such as 192.0.2.0/24");
    if (ip !== undefined || login !== undefined)
      throw new BadRequest(400, "expected 'netmask' without 'ip' and 'login'");
    return { kind: 'net', net };
  }
  if (ip === undefined) {
    if (login === undefined) throw new BadRequest(400, "expected 'ip', 'netmask' or 'login'");
    return { kind: 'login', login };
  }
  const address = canonicalAddress(ip);
  if (address === undefined) throw new BadRequest(400, "expected an IP address as 'ip'");
  return login === undefined
    ? { kind: 'ip', ip: address }
    : { kind: 'ip-login', ip: address, login };
}

/** `undefined`: for good, as 0 is. */
function secondsOf(value: AttributeValue | undefined): number | undefined {
  if (value === undefined || value === 0) return undefined;
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw new BadRequest(400, "expected a number of seconds as 'expire_secs'");
  return value > LONGEST_SECONDS ? undefined : value;
}

function formatEntry(entry: ListEntry): AttributeValue {
  const { ip, netmask, login, reason, until } = entry;
  const about =
    ip !== undefined && login !== undefined
      ? { iplogin: `${ip}:${login}` }
      : login !== undefined
        ? { login }
        : { ip: ip ?? netmask ?? '' };
  return { ...about, expiration: until === undefined ? 'never' : formatDate(until), reason };
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** `2002-Jan-01 10:00:01`, in UTC. */
function formatDate(until: string): string {
  const [date = '', time = ''] = until.split('T');
  const [year, month, day] = date.split('-');
  return `${year}-${MONTHS[Number(month) - 1] ?? month}-${day} ${time.slice(0, 8)}`;
}
