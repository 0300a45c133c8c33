/** `session` as authors see it. Facts come in as they become known; what is derived is derived when asked for. */

import type { Fact } from '../../policy/event.ts';
import { MacroTable } from '../../policy/macros.ts';
import type { SessionOpening } from '../guest-border.ts';
import type { Client, Session, SmtpAuth, Tls } from './api.ts';
import { SessionMessage } from './message.ts';
import { request } from './outbox.ts';
import { State } from './state.ts';

const UNKNOWN_CLIENT: Client = {
  address: undefined,
  port: undefined,
  hostname: undefined,
  family: 'unknown',
};

export class GuestSession implements Session {
  readonly id: string;
  readonly kept: State;
  #phase = '';
  #event = 0;
  #client = UNKNOWN_CLIENT;
  #helo: string | undefined;
  #message: SessionMessage | undefined;
  #generation = 0;
  #keptMessage: string | undefined;
  readonly #macros = new MacroTable();

  constructor(opening: SessionOpening) {
    this.id = opening.id;
    this.kept = new State(opening.session);
    this.#keptMessage = opening.message;
  }

  get phase(): string {
    return this.#phase;
  }

  get client(): Client {
    return this.#client;
  }

  get helo(): string | undefined {
    return this.#helo;
  }

  get state(): Record<string, unknown> {
    return this.kept.object;
  }

  get message(): SessionMessage | undefined {
    return this.#message;
  }

  get hostname(): string | undefined {
    return this.macro('j');
  }

  get tls(): Tls | undefined {
    const version = this.macro('tls_version');
    if (version === undefined) return undefined;
    return {
      version,
      cipher: this.macro('cipher'),
      bits: numberOf(this.macro('cipher_bits')),
      subject: this.macro('cert_subject'),
      issuer: this.macro('cert_issuer'),
    };
  }

  get auth(): SmtpAuth | undefined {
    const type = this.macro('auth_type');
    if (type === undefined) return undefined;
    return { type, user: this.macro('auth_authen'), author: this.macro('auth_author') };
  }

  get daemon(): {
    name: string | undefined;
    address: string | undefined;
    port: number | undefined;
  } {
    return {
      name: this.macro('daemon_name'),
      address: this.macro('daemon_addr') ?? this.macro('if_addr'),
      port: numberOf(this.macro('daemon_port')),
    };
  }

  macro(name: string): string | undefined {
    const value = this.#macros.get(String(name));
    return value === '' ? undefined : value;
  }

  /** The rest is for the dispatcher. */

  /** A call begins. `generation` numbers the message it belongs to, 0 for none. */
  enter(event: number, phase: string, generation: number): void {
    this.#event = event;
    this.#phase = phase;
    if (generation === this.#generation) return;
    this.#message?.end();
    this.#message = undefined;
    this.#macros.endMessage();
    this.#generation = generation;
  }

  /** The connection ended. */
  end(): void {
    this.#message?.end();
  }

  request(operation: string, args: readonly unknown[]): Promise<unknown> {
    return request(this.#event, operation, args);
  }

  learn(fact: Fact): void {
    switch (fact.f) {
      case 'connect':
        this.#client = {
          address: fact.address || undefined,
          port: fact.port || undefined,
          hostname: fact.hostname || undefined,
          family: fact.family,
        };
        this.#macros.begin('connect');
        return;
      case 'macros':
        this.#macros.set(fact.stage, fact.values);
        return;
      case 'helo':
        this.#helo = fact.name || undefined;
        return;
      case 'mail':
        this.#message = new SessionMessage(this, fact.address, fact.args, this.#keptMessage);
        this.#keptMessage = undefined;
        return;
      case 'recipient':
        this.#message?.learnRecipient(fact.address, fact.args);
        return;
      case 'headers':
        this.#message?.headers.learn(fact.block, fact.decoded);
        return;
      case 'modified':
        for (const modification of fact.modifications) this.#message?.apply(modification);
        return;
      default:
        fact satisfies never;
    }
  }
}

function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
