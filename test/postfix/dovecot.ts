/** A Dovecot that checks passwords for Postfix, and does nothing else. */

import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePort } from '../harness/ports.ts';
import { startProcess } from '../harness/processes.ts';
import { temporaryDirectory } from '../harness/temporary-directory.ts';
import { pollFor } from '../harness/waiting.ts';

export type Dovecot = {
  /** Where Postfix asks, as smtpd_sasl_path has it. */
  readonly path: string;
  stop(): Promise<void>;
};

/** Starts it with these passwords, by the users' names. */
export async function startDovecot(passwords: Readonly<Record<string, string>>): Promise<Dovecot> {
  const folder = await temporaryDirectory('postern-dovecot-');
  try {
    const port = await freePort();
    for (const name of ['run', 'state']) await mkdir(join(folder.path, name));
    const users = Object.entries(passwords).map(([user, word]) => `${user}:{PLAIN}${word}::::::\n`);
    await writeFile(join(folder.path, 'users'), users.join(''));
    // Its auth process is not root when it reads this.
    await chmod(join(folder.path, 'users'), 0o644);
    await writeFile(join(folder.path, 'dovecot.conf'), configuration(folder.path, port));
    const dovecot = await startProcess({
      command: '/usr/sbin/dovecot',
      args: ['-F', '-c', join(folder.path, 'dovecot.conf')],
    });
    await pollFor(async () => (await greets(port)) || undefined, {
      timeoutMs: 10_000,
      failure: () => `Dovecot does not answer: ${dovecot.stderr()}`,
    });
    return {
      path: `inet:127.0.0.1:${port}`,
      stop: async () => {
        await dovecot.stop();
        await folder.remove();
      },
    };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

function configuration(directory: string, port: number): string {
  return `
base_dir = ${directory}/run
state_dir = ${directory}/state
log_path = ${directory}/dovecot.log
protocols =
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0 secs
passdb {
  driver = passwd-file
  args = ${directory}/users
}
userdb {
  driver = static
  args = uid=mail gid=mail home=/nonexistent
}
# Without this, each wrong password of an address delays its next attempt.
service anvil {
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service auth {
  inet_listener {
    address = 127.0.0.1
    port = ${port}
  }
}
`;
}

/** Whether the server of the auth protocol says its version. */
async function greets(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    return chunk.toString('latin1').startsWith('VERSION\t');
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
