import { type Mta, startMta } from '../harness/mta.ts';
import { type Receiver, startReceiver } from '../harness/receiver.ts';
import { type RedisServer, startRedis } from '../harness/redis.ts';
import { describeWith } from '../harness/requirements.ts';
import { send } from '../harness/smtp-session.ts';
import { pollFor } from '../harness/waiting.ts';
import { MESSAGE } from './mail-system.ts';
import { StoreSite } from './store-outage-site.ts';

/** Asks at RCPT; what is marked has passed. */
const ASKS = (onError: string) => `import { kv } from 'postern';
  export const options = { onError: '${onError}', cpu: '1s' };
  export async function rcpt(session, { address }) { await kv.incr('rcpt', 1, { ttl: '1h' }); }
  export function eom(session, message) { message.headers.add('X-Asked', 'yes'); }`;

describeWith(['postfix', 'redis-server'], 'Postfix while the store hangs', () => {
  let redis: RedisServer;
  let site: StoreSite;
  let receiver: Receiver;
  let mta: Mta;

  beforeAll(async () => {
    redis = await startRedis();
    site = await StoreSite.start({
      kv: { default: `redis://127.0.0.1:${redis.port}/0` },
      filters: { defers: ASKS('tempfail'), accepts: ASKS('accept') },
    });
    receiver = await startReceiver();
    const milters = ['defers', 'accepts'].map((place) => ({ at: { port: site.port(place) } }));
    mta = await startMta('postfix', { milters, receiverPort: receiver.port });
  });
  afterAll(async () => {
    await mta?.stop();
    await receiver?.close();
    await site?.stop();
    if (redis) process.kill(redis.pid, 'SIGCONT');
    await redis?.stop();
  });

  let count = 0;
  const delivered: string[] = [];
  const putOff: string[] = [];

  /** Gives the last reply that counts, and notes what has become of the mail. */
  async function sendTo(place: 'defers' | 'accepts', to: string): Promise<string> {
    const port = mta.ports[place === 'defers' ? 0 : 1]!;
    const { rcpt, end } = await send({ port, from: 'a@example.org', to, message: MESSAGE });
    const text = (end ?? rcpt[0])?.text ?? 'no answer';
    (end?.code === 250 ? delivered : putOff).push(to);
    return end?.code === 250 ? '250' : text.slice(0, '451 4.7.1'.length);
  }

  /** Ten sessions side by side; gives what was said in the end. */
  async function sendTen(place: 'defers' | 'accepts'): Promise<readonly string[]> {
    const recipients = Array.from({ length: 10 }, () => `recipient${++count}@example.com`);
    const said = await Promise.all(recipients.map((to) => sendTo(place, to)));
    return [...new Set(said)];
  }

  test('mail is put off, or accepted where the filter says so; it gets through later, and none is lost', async () => {
    expect(await sendTen('defers')).toEqual(['250']);
    expect(await sendTen('accepts')).toEqual(['250']);

    process.kill(redis.pid, 'SIGSTOP');
    for (let round = 0; round < 3; round++) {
      expect(await sendTen('defers')).toEqual(['451 4.7.1']);
      expect(await sendTen('accepts')).toEqual(['250']);
    }
    expect(putOff.length).toBe(30);
    process.kill(redis.pid, 'SIGCONT');

    // As its sender does, again and again.
    for (const to of putOff.splice(0)) {
      await pollFor(async () => (await sendTo('defers', to)) === '250' || undefined, {
        timeoutMs: 5000,
        failure: () => `the mail to ${to} does not get through`,
      });
    }
    for (const to of delivered) await receiver.nextTo(to);
    const got = receiver.messages.flatMap(({ recipients }) => recipients.map((to) => to.address));
    expect(got.sort()).toEqual([...delivered].sort());
    expect(new Set(got).size).toBe(80);
    // What was delivered leaves the queue a moment later.
    await pollFor(async () => (await mta.queue()).length === 0 || undefined, {
      timeoutMs: 5000,
      failure: () => 'something stays in the queue',
    });
  }, 60_000);
});
