/** Dialogues: macros. */

import { abort, connect, Dialogue, eom, macro, mail, rcpt } from './dialogue.ts';
import { filter } from './fake-engine.ts';

describe('macros', () => {
  test('come with the command that they belong to', async () => {
    const dialogue = await new Dialogue([filter(['mail', 'rcpt', 'eom'])]).negotiated();
    await dialogue.say(
      macro('C', { j: 'mta', '{daemon_name}': 'd' }),
      connect,
      macro('M', { '{auth_type}': 'PLAIN' }),
      mail,
      macro('R', { '{rcpt_addr}': 'b@example.com' }),
      rcpt(),
      rcpt('<c@example.com>'),
      macro('L', { i: 'ignored' }),
      macro('E', { i: 'q1' }),
      eom,
    );
    expect(dialogue.filters.facts.filter(({ f }) => f === 'macros')).toEqual([
      { f: 'macros', stage: 'connect', values: { j: 'mta', daemon_name: 'd' } },
      { f: 'macros', stage: 'mail', values: { auth_type: 'PLAIN' } },
      { f: 'macros', stage: 'rcpt', values: { rcpt_addr: 'b@example.com' } },
      // The second recipient came without any: those of the first are not its own.
      { f: 'macros', stage: 'rcpt', values: {} },
      { f: 'macros', stage: 'eom', values: { i: 'q1' } },
    ]);
  });

  test('for commands that are not sent come with the next one that is', async () => {
    const dialogue = await new Dialogue([filter(['rcpt'])]).negotiated();
    await dialogue.say(macro('C', { j: 'mta' }), macro('H', { tls_version: '1.3' }), mail);
    expect(dialogue.filters.diary.slice(0, 3)).toEqual([
      'learn macros',
      'learn macros',
      'learn mail',
    ]);
  });

  test('of a new message survive the end of the one before', async () => {
    const dialogue = await new Dialogue([filter(['mail', 'abort'])]).negotiated();
    await dialogue.say(macro('M', { i: 'one' }), mail, macro('M', { i: 'two' }), mail);
    expect(dialogue.filters.diary).toEqual([
      'learn macros',
      'learn mail',
      'call mail',
      'call abort',
      'endMessage',
      'learn macros',
      'learn mail',
      'call mail',
    ]);
    expect(dialogue.filters.host.queueId()).toBe('two');
  });

  test('of an aborted message are forgotten, those of the connection are not', async () => {
    const dialogue = await new Dialogue([filter(['mail', 'data', 'abort'])]).negotiated();
    await dialogue.say(
      macro('C', { v: 'Postfix', i: 'no' }),
      connect,
      macro('M', { i: 'one' }),
      mail,
    );
    await dialogue.say(macro('T', { i: 'unused' }), abort);
    expect(dialogue.filters.host.queueId()).toBe('no');
    await dialogue.say(mail);
    expect(dialogue.filters.facts.filter(({ f }) => f === 'macros')).toHaveLength(2);
  });
});
