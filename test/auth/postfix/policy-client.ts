/** A policy client whose every byte a test can choose. */

import { once } from 'node:events';
import { connect, type NetConnectOpts, type Socket } from 'node:net';

export class PolicyClient {
  readonly socket: Socket;
  /** Resolves when the connection is over, from whichever side. */
  readonly closed: Promise<void>;
  readonly #answers: string[] = [];
  readonly #takers: ((answer: string | undefined) => void)[] = [];
  #text = '';
  #over = false;

  static async connect(place: NetConnectOpts): Promise<PolicyClient> {
    const socket = connect(place);
    await once(socket, 'connect');
    return new PolicyClient(socket);
  }

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => this.#heard(chunk.toString()));
    // Servers that hang up are part of the tests.
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#over = true;
        for (const take of this.#takers.splice(0)) take(undefined);
        resolve();
      });
    });
  }

  /** Sends a request and waits for its answer. */
  ask(attributes: Readonly<Record<string, string>> = {}): Promise<string | undefined> {
    this.send(requestText(attributes));
    return this.answer();
  }

  send(bytes: string | Buffer): void {
    this.socket.write(bytes);
  }

  /** The next action; `undefined` when the connection is over before there is one. */
  answer(): Promise<string | undefined> {
    const ready = this.#answers.shift();
    if (ready !== undefined || this.#over) return Promise.resolve(ready);
    return new Promise((resolve) => this.#takers.push(resolve));
  }

  #heard(text: string): void {
    this.#text += text;
    const answers = this.#text.split('\n\n');
    this.#text = answers.pop()!;
    for (const answer of answers) {
      if (!answer.startsWith('action=')) throw new Error(`expected an action, got ${answer}`);
      const action = answer.slice('action='.length);
      const take = this.#takers.shift();
      if (take) take(action);
      else this.#answers.push(action);
    }
  }
}

/** A request at RCPT, as far as a test does not say otherwise. */
export function requestText(attributes: Readonly<Record<string, string>> = {}): string {
  const all = {
    request: 'smtpd_access_policy',
    protocol_state: 'RCPT',
    client_address: '192.0.2.7',
    instance: '1.2.3.0',
    ...attributes,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}=${value}\n`);
  return `${lines.join('')}\n`;
}
