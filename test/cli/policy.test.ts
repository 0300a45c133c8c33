import { createConnection } from 'node:net';
import { freePort } from '../harness/ports.ts';
import { folderWith, parseLine, serve } from './postern.ts';

const FILTER = `import { kv, tempfail } from 'postern';
export async function access(request) {
  if (request.state !== 'RCPT') return;
  const { allowed } = await kv.rate(request.auth?.user ?? 'nobody', { limit: 2, per: '1d' });
  if (!allowed) return tempfail(451, '4.7.1', 'Too many recipients today');
}`;

/** Asks as Postfix does: one request on a connection of its own. */
function ask(port: number, attributes: Readonly<Record<string, string>>): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(port, '127.0.0.1');
    let answer = '';
    socket.on('error', reject);
    socket.on('data', (chunk) => {
      answer += chunk.toString('latin1');
      if (answer.endsWith('\n\n')) socket.end();
    });
    socket.on('close', () => resolve(answer));
    const lines = Object.entries(attributes).map(([name, value]) => `${name}=${value}\n`);
    socket.write(`request=smtpd_access_policy\n${lines.join('')}\n`);
  });
}

test('postern serve answers the policy clients of Postfix, and all workers count as one', async () => {
  const [milter, policy] = [await freePort(), await freePort()];
  const folder = await folderWith({
    'limit.ts': FILTER,
    'postern.config.ts': `import { defineConfig } from 'postern';
      export default defineConfig({
        milter: { listen: 'inet:127.0.0.1:${milter}' },
        auth: { policy: { listen: 'inet:127.0.0.1:${policy}' } },
        filters: ['limit.ts'],
        workers: 2,
      });`,
  });
  const server = await serve(folder.path);
  try {
    const ready = server.lines.map(parseLine).find((line) => line?.msg === 'ready');
    expect(ready).toMatchObject({ policy: [`inet:127.0.0.1:${policy}`] });
    const request = {
      protocol_state: 'RCPT',
      recipient: 'b@example.com',
      sasl_method: 'PLAIN',
      sasl_username: 'ann',
    };
    const answers = await Promise.all(Array.from({ length: 6 }, () => ask(policy, request)));
    expect(answers.filter((answer) => answer === 'action=DUNNO\n\n')).toHaveLength(2);
    expect(
      answers.filter((answer) => answer === 'action=451 4.7.1 Too many recipients today\n\n'),
    ).toHaveLength(4);
  } finally {
    await server.stop();
    await folder.remove();
  }
});
