import { duplexPair } from 'node:stream';
import { type Command, CommandDecoder, encodeReply, type Reply, SMFIP } from 'net-milter-codec';
import { MilterClient, type MilterClientOptions } from '../../src/testing/milter-client.ts';

/** A client and a filter that answers OPTNEG with these bits, and all else as told. */
function pair(
  protocol: number,
  replies: Partial<Record<Command['kind'], Reply[]>>,
  options?: MilterClientOptions,
) {
  const [near, far] = duplexPair();
  const heard: Command[] = [];
  const decoder = new CommandDecoder();
  far.on('data', (chunk: Buffer) => {
    decoder.push(chunk);
    for (const command of decoder) {
      heard.push(command);
      const optneg: Reply = { kind: 'optneg', version: 6, actions: 0, protocol };
      const answer = command.kind === 'optneg' ? [optneg] : (replies[command.kind] ?? []);
      for (const reply of answer) far.write(encodeReply(reply));
      if (command.kind === 'quit') far.end();
    }
  });
  return { client: new MilterClient(near, options), heard, far };
}

const CONTINUE: Reply = { kind: 'continue' };

test('keeps to what was negotiated', async () => {
  const { client, heard } = pair(SMFIP.NOHELO | SMFIP.NR_MAIL, { rcpt: [CONTINUE] });
  await client.negotiate();
  expect(await client.helo()).toBeUndefined();
  expect(await client.mail('a@example.org', 'SIZE=1')).toBeUndefined();
  expect(await client.rcpt('<b@example.com>')).toEqual(CONTINUE);
  expect(heard.map(({ kind }) => kind)).toEqual(['optneg', 'mail', 'rcpt']);
  expect(heard.slice(1)).toEqual([
    { kind: 'mail', address: '<a@example.org>', args: ['SIZE=1'] },
    { kind: 'rcpt', address: '<b@example.com>', args: [] },
  ]);
});

test('or not, if told so', async () => {
  const { client } = pair(SMFIP.NOHELO, { helo: [CONTINUE] }, { ignoreNo: true });
  await client.negotiate();
  expect(await client.helo()).toEqual(CONTINUE);
});

test('puts the leading space before header values where that was negotiated', async () => {
  for (const [protocol, value] of [
    [SMFIP.NR_HDR, 'caf\xc3\xa9'],
    [SMFIP.NR_HDR | SMFIP.HDR_LEADSPC, ' caf\xc3\xa9'],
  ] as const) {
    const { client, heard } = pair(protocol, { eoh: [CONTINUE] });
    await client.negotiate();
    await client.header('Subject', 'café');
    await client.eoh();
    expect(heard[1]).toEqual({ kind: 'header', name: 'Subject', value });
  }
});

test('sends no more of the body once the filter has had enough', async () => {
  const { client, heard } = pair(0, { body: [{ kind: 'skip' }] });
  await client.negotiate();
  expect(await client.body('x'.repeat(200_000))).toEqual({ kind: 'skip' });
  expect(heard).toHaveLength(2);
});

test('collects modifications up to the final reply', async () => {
  const add: Reply = { kind: 'addheader', name: 'X', value: 'y' };
  const { client } = pair(0, {
    bodyeob: [{ kind: 'progress' }, add, { kind: 'quarantine', reason: 'r' }, CONTINUE],
  });
  await client.negotiate();
  expect(await client.eom()).toEqual({
    modifications: [add, { kind: 'quarantine', reason: 'r' }],
    final: CONTINUE,
    progress: 1,
  });
});

test('says macros as MTAs do', async () => {
  const { client, heard } = pair(0, { eoh: [CONTINUE] });
  await client.negotiate();
  client.macros('eom', { i: 'q1', '{msg_id}': '<1@x>' });
  await client.eoh();
  expect(heard[1]).toEqual({
    kind: 'macro',
    command: 'E',
    values: [
      ['i', 'q1'],
      ['{msg_id}', '<1@x>'],
    ],
  });
});

test('notices a reply that was not due', async () => {
  const { client } = pair(0, { mail: [CONTINUE, CONTINUE] });
  await client.negotiate();
  await client.mail('a@example.org');
  await expect(client.expectNoReply()).rejects.toThrow('expected no reply, got continue');
});

test('a filter that closes is an error for who waits, and for who asks later', async () => {
  const { client, far } = pair(0, {});
  await client.negotiate();
  const waiting = expect(client.helo()).rejects.toMatchObject({ code: 'ERR_MILTER_CLOSED' });
  far.end();
  await waiting;
  await expect(client.next()).rejects.toMatchObject({ code: 'ERR_MILTER_CLOSED' });
});

test('what is no reply is an error', async () => {
  const { client, far } = pair(0, {});
  far.write(Buffer.from([0, 0, 0, 0]));
  await expect(client.next()).rejects.toMatchObject({ code: 'ERR_MILTER_EMPTY_PACKET' });
});

test('an unexpected answer to the offer is an error', async () => {
  const [near, far] = duplexPair();
  far.write(encodeReply(CONTINUE));
  await expect(new MilterClient(near).negotiate()).rejects.toThrow('expected OPTNEG, got continue');
});
