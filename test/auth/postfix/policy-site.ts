/** A policy server with real filters, listening where a test wants. */

import { once } from 'node:events';
import { chmod } from 'node:fs/promises';
import {
  type AddressInfo,
  createServer,
  type ListenOptions,
  type Server,
  type Socket,
} from 'node:net';
import { Gate } from '../../../src/auth/gate.ts';
import { PolicyServer, type PolicyServerLimits } from '../../../src/auth/postfix/server.ts';
import { EngineUnderTest, type LoggedLine } from '../../engine/engine-under-test.ts';
import { PolicyClient } from './policy-client.ts';

const LIMITS: PolicyServerLimits = { idleMs: 60_000, connections: 2000, delayMs: 30_000 };

export class PolicySite {
  readonly under: EngineUnderTest;
  readonly server: PolicyServer;
  /** What the policy server logged. */
  readonly logged: readonly LoggedLine[];
  /** Every connection that came. */
  readonly sockets: Socket[] = [];
  readonly #listeners: Server[] = [];

  static async start(
    source: string,
    limits: Partial<PolicyServerLimits> = {},
  ): Promise<PolicySite> {
    return new PolicySite(await EngineUnderTest.start([{ name: 'policy', source }]), limits);
  }

  private constructor(under: EngineUnderTest, limits: Partial<PolicyServerLimits>) {
    const logged: LoggedLine[] = [];
    const at = (level: LoggedLine['level']) => (fields: object, text: string) =>
      void logged.push({ level, fields: { ...fields }, text });
    this.under = under;
    this.logged = logged;
    this.server = new PolicyServer({
      gate: new Gate(under.engine),
      log: { info: at('info'), warn: at('warn'), error: at('error') },
      limits: { ...LIMITS, ...limits },
    });
  }

  /** Opens one more place; gives its port, or 0 for a Unix socket, which everybody may use. */
  async listen(place: ListenOptions = { host: '127.0.0.1', port: 0 }): Promise<number> {
    const listener = createServer((socket) => {
      this.sockets.push(socket);
      this.server.accept(socket);
    }).listen(place);
    this.#listeners.push(listener);
    await once(listener, 'listening');
    if (place.path !== undefined) await chmod(place.path, 0o666);
    const address = listener.address() as AddressInfo | string;
    return typeof address === 'string' ? 0 : address.port;
  }

  /** A client on a port of its own. */
  async client(): Promise<PolicyClient> {
    return PolicyClient.connect({ host: '127.0.0.1', port: await this.listen() });
  }

  /** Takes no more connections. */
  stopListening(): void {
    for (const listener of this.#listeners.splice(0)) listener.close();
  }

  async stop(): Promise<void> {
    this.stopListening();
    await this.server.close({ graceMs: 0 });
    await this.under.stop();
  }
}
