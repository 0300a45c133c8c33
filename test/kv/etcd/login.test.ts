import { EtcdStore } from '../../../src/kv/etcd/etcd.ts';
import { type EtcdServer, startEtcd } from '../../harness/etcd.ts';
import { describeWith } from '../../harness/requirements.ts';
import { pollFor } from '../../harness/waiting.ts';
import { ask, etcdUrl } from './server.ts';

const X = Buffer.from('x');
const ANN = { username: 'ann', password: 'secret word' };

describeWith(['etcd'], 'an etcd with users', () => {
  let server: EtcdServer;
  beforeAll(async () => {
    server = await startEtcd();
    await ask(server, async (etcd) => {
      await etcd.auth.userAdd({ name: 'root', password: 'r' });
      await etcd.auth.userGrantRole({ user: 'root', role: 'root' });
      await etcd.auth.userAdd({ name: ANN.username, password: ANN.password });
      await etcd.auth.roleAdd({ name: 'mail' });
      const perm = {
        permType: 'Readwrite' as const,
        key: Buffer.from('mail/'),
        range_end: Buffer.from('mail0'),
      };
      await etcd.auth.roleGrantPermission({ name: 'mail', perm });
      await etcd.auth.userGrantRole({ user: ANN.username, role: 'mail' });
      await etcd.auth.authEnable();
    });
  });
  afterAll(() => server?.stop());

  const open = (login: object, prefix = 'mail/') =>
    new EtcdStore({ ...etcdUrl(server), prefix, ...login });

  test('lets in who has the password, for everything', async () => {
    const store = open(ANN);
    await store.set('a', X, 60_000);
    expect(await store.get('a')).toEqual(X);
    expect((await store.scan('', { limit: 10 })).entries).toHaveLength(1);
    expect(await store.delete('a')).toBe(true);
    await store.close();
  });

  test.each([
    [
      'a wrong password',
      { ...ANN, password: 'not it' },
      'mail/',
      /: wrong user or password; correct/,
    ],
    ['no password', {}, 'mail/', /: etcd wants a user and a password/],
    ['a place without permission', ANN, 'other/', /: permission denied; grant/],
  ])('refuses %s, which is named and not shown', async (_, login, prefix, message) => {
    const store = open(login, prefix);
    for (let n = 0; n < 2; n++) {
      const error = await store.set('a', X).catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        code: 'ERR_KV_UNAVAILABLE',
        message: expect.stringMatching(message),
      });
      expect(String(error)).not.toMatch(/not it|secret word/);
    }
    await store.close();
  });

  test('that was restarted has forgotten who was let in, and is told again', async () => {
    const store = open(ANN);
    await store.set('a', X);
    await server.kill();
    await server.restart();
    await pollFor(() => store.get('a').catch(() => undefined), {
      timeoutMs: 3000,
      failure: () => 'the store does not work again',
    });
    await store.set('a', X, 60_000);
    await store.close();
  });
});
