import { readdirSync, readFileSync } from 'node:fs';
import { base64, slow } from '../../fixtures/messages/hostile.ts';
import type { EngineSession, Outcome } from '../../src/engine/contract.ts';
import { fixture, halves } from '../runner/mime/parse-in-thread.ts';
import { EngineUnderTest } from './engine-under-test.ts';

let under: EngineUnderTest | undefined;

afterEach(async () => {
  await under?.stop();
  under = undefined;
});

/** Not about CPU time: a busy machine must not fail it. */
const PATIENT = `export const options = { cpu: '500ms' };`;

function filter(name: string, body: string, options = PATIENT) {
  return {
    name,
    source: `import { log, reject } from 'postern';
      ${options}
      let kept;
      export async function eom(session, message) { ${body} }`,
  };
}

/** A session with this message, at its end. */
function withMessage(message: Buffer, bodies: () => Buffer = () => halves(message).body) {
  const session = under!.open({ body: bodies });
  learn(session, message);
  return session;
}

function learn(session: EngineSession, message: Buffer): void {
  const lines = halves(message)
    .headers.split(/\r\n(?![ \t])/)
    .slice(0, -1);
  const fields = lines.map((line) => /^([^:]*):(.*)$/s.exec(line)!);
  const block = fields
    .map(([, name, value]) => `${name}\0${value!.replaceAll('\r\n', '\n')}\0`)
    .join('');
  session.learn({ f: 'mail', address: '<a@example.org>', args: [] });
  session.learn({ f: 'headers', block, decoded: {} });
}

const eom = (session: EngineSession): Promise<Outcome> => session.call({ phase: 'eom', size: 1 });

function runner(): number {
  return under!.engine.runners[0]!.pid!;
}

const residentMb = (pid: number) =>
  (Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * 4096) / 1024 ** 2;

test('a filter reads the parts of a message, and the attachments that it asks for', async () => {
  under = await EngineUnderTest.start([
    filter(
      'reads',
      `const mail = await message.parse();
       log.info(JSON.stringify([mail.subject, mail.from.value[0].name, mail.date.toISOString(), mail.text.length, mail.html.length]));
       for (const each of mail.attachments) {
         const content = await each.content();
         log.info(JSON.stringify([each.filename, each.contentType, each.size, content instanceof Uint8Array, content.length, content[1]]));
       }
       const whole = await Promise.all(mail.attachments.map((each) => each.content()));
       if (whole[1].length === 69 && 'bcc' in mail && mail.bcc === undefined) return reject('5.7.1 seen');`,
    ),
  ]);
  expect((await eom(withMessage(fixture('invoice.eml')))).verdict.kind).toBe('reject');
  expect(under.said).toEqual([
    '["Rechnung für März 2025","Jürgen Größer","2025-03-03T08:15:00.000Z",63,79]',
    '["logo.png","image/png",70,true,70,80]',
    '["Rechnung März 2025.pdf","application/pdf",69,true,69,80]',
    '[null,"message/rfc822",90,true,90,114]',
  ]);
});

test('a filter sees what an earlier one changed', async () => {
  under = await EngineUnderTest.start([
    filter(
      'first',
      `message.headers.change('Subject', 'grüß');
       message.headers.change('Content-Type', 'text/html; charset=utf-8');
       message.headers.delete('Cc');
       message.replaceBody('<p>ü</p>');
       const mail = await message.parse();
       log.info(JSON.stringify([mail.subject, mail.html]));`,
    ),
    filter(
      'second',
      `const mail = await message.parse();
       log.info(JSON.stringify([mail.subject, mail.cc ?? 'none', mail.html.trim(), mail.attachments.length]));`,
    ),
  ]);
  await eom(withMessage(fixture('invoice.eml')));
  expect(under.said).toEqual(['["grüß","<p>ü</p>"]', '["grüß","none","<p>ü</p>",0]']);
});

test('two filters that see the message alike have it fetched and parsed once', async () => {
  const body = `const [one, two] = await Promise.all([message.parse(), message.parse()]);
    const bytes = await one.attachments[1].content();
    log.info(JSON.stringify([one === two, bytes.length]));
    message.state.x = 1;`;
  under = await EngineUnderTest.start([filter('first', body), filter('second', body)]);
  const bodies = jest.fn(() => halves(fixture('invoice.eml')).body);
  await eom(withMessage(fixture('invoice.eml'), bodies));
  expect(under.said).toEqual(['[true,69]', '[true,69]']);
  expect(bodies).toHaveBeenCalledTimes(1);
});

test('a filter that changes the message and parses again sees its change', async () => {
  under = await EngineUnderTest.start([
    filter(
      'changes',
      `const one = await message.parse();
       message.headers.change('Subject', 'other');
       const two = await message.parse();
       log.info(JSON.stringify([one === two, two.subject, (await one.attachments[0].content()).length]));`,
    ),
  ]);
  await eom(withMessage(fixture('invoice.eml')));
  expect(under.said).toEqual(['[false,"other",70]']);
});

test('an attachment that outlives its phase says so', async () => {
  under = await EngineUnderTest.start([
    filter(
      'keeps',
      `if (!kept) { kept = { message, mail: await message.parse() }; return; }
       await kept.mail.attachments[0].content().catch(({ code, message }) => log.info(code + ' ' + message));
       await kept.message.parse().catch((error) => log.info(String(error)));`,
    ),
  ]);
  const session = withMessage(fixture('invoice.eml'));
  await eom(session);
  session.endMessage();
  learn(session, fixture('plain.eml'));
  expect((await eom(session)).verdict.kind).toBe('continue');
  expect(under.said).toEqual([
    'ERR_PARSE_OVER content: the attachment is gone with the phase in which its message was parsed; call parse() again',
    'Error: parse: this message is over',
  ]);
});

test('a message of another session, whose phase is over, is not parsed', async () => {
  under = await EngineUnderTest.start([
    filter(
      'mixes',
      `if (!kept) { kept = message; return; }
       await kept.parse().catch(({ code, message }) => log.info(code + ' ' + message));`,
    ),
  ]);
  const bodies = jest.fn(() => Buffer.alloc(0));
  await eom(withMessage(fixture('plain.eml'), bodies));
  expect((await eom(withMessage(fixture('plain.eml')))).verdict.kind).toBe('continue');
  expect(under.said).toEqual(['ERR_PARSE_OVER parse: the phase of this message is over']);
  expect(bodies).not.toHaveBeenCalled();
});

test('an error of parse() has a code, and the file and line of its caller', async () => {
  under = await EngineUnderTest.start([
    filter(
      'careless',
      `message.headers.add('X', 'x'.repeat(5_000_000));
       await message.parse();`,
    ),
  ]);
  expect((await eom(withMessage(fixture('plain.eml')))).verdict.kind).toBe('tempfail');
  const { text, fields } = under.logged.at(-1)!;
  expect(text).toMatch(/ERR_PARSE_LIMIT|parse: the headers of a part have more than 4194304 bytes/);
  expect(fields.at).toMatch(/careless\.ts:5:/);
});

describe('a message that keeps the parser busy', () => {
  const WAITS = `export const options = { cpu: '500ms', wall: '3s' };`;
  const PARSES = `log.info('parsing'); const mail = await message.parse(); log.info(String(mail.subject));`;

  test('ends in onError within the wall limit, and nobody else waits', async () => {
    under = await EngineUnderTest.start([filter('parses', PARSES, WAITS)]);
    const pid = runner();
    const startedAt = performance.now();
    const hung = eom(withMessage(slow()));
    await under.logs(({ text }) => text === 'parsing');
    const other = await eom(withMessage(fixture('plain.eml')));
    expect(other.verdict.kind).toBe('continue');
    expect(await hung).toMatchObject({ verdict: { kind: 'tempfail' }, filter: 'parses' });
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    // Its threads are free again, and the runner is the same.
    const again = await Promise.all([1, 2, 3].map(() => eom(withMessage(fixture('plain.eml')))));
    expect(again.map(({ verdict }) => verdict.kind)).toEqual(Array(3).fill('continue'));
    expect(runner()).toBe(pid);
  });

  test('ends in onError within limits.parseTime when the wall limit is longer', async () => {
    const long = `export const options = { cpu: '500ms', wall: '60s', onError: 'reject' };`;
    under = await EngineUnderTest.start([filter('parses', PARSES, long)]);
    expect((await eom(withMessage(slow()))).verdict.kind).toBe('reject');
    expect(under.logged.at(-1)?.text).toContain('limits.parseTime of 5000 ms');
  });

  test('is given up with its client', async () => {
    const long = `export const options = { cpu: '500ms', wall: '60s' };`;
    under = await EngineUnderTest.start([filter('parses', PARSES, long)]);
    const { body } = halves(slow());
    const fetched = [1, 2].map(() => Promise.withResolvers<void>());
    const sessions = fetched.map(({ resolve }) =>
      withMessage(slow(), () => {
        resolve();
        return body;
      }),
    );
    const hung = sessions.map(eom);
    // Both threads are busy: this one is parsed when one of them is free, long before a time limit.
    await Promise.all(fetched.map(({ promise }) => promise));
    const startedAt = performance.now();
    const other = eom(withMessage(fixture('plain.eml')));
    for (const session of sessions) session.cancel();
    await Promise.all(hung);
    expect((await other).verdict.kind).toBe('continue');
    expect(performance.now() - startedAt).toBeLessThan(4500);
  });

  test('and a runner that is killed meanwhile: onError, and the others go on', async () => {
    under = await EngineUnderTest.start([filter('parses', PARSES, PATIENT)]);
    const hung = eom(withMessage(slow()));
    await under.logs(({ text }) => text === 'parsing');
    process.kill(runner(), 'SIGKILL');
    expect(await hung).toMatchObject({ verdict: { kind: 'tempfail' } });
    expect((await eom(withMessage(fixture('plain.eml')))).verdict.kind).toBe('continue');
  });

  test('and an isolate that is lost meanwhile: the new one hears nothing of it', async () => {
    under = await EngineUnderTest.start([
      filter(
        'loses',
        `switch (message.headers.get('Subject')) {
           case 'waits': await sleep(400); break;
           case 'parses': await message.parse(); break;
           case 'loops': for (;;);
           default: {
             const startedAt = Date.now();
             await sleep(900);
             log.info(String(Date.now() - startedAt > 800));
           }
         }`,
        `import { sleep } from 'postern'; export const options = { cpu: '100ms', wall: '10s' };`,
      ),
    ]);
    const about = (subject: string) => Buffer.from(`Subject: ${subject}\r\n\r\n`);
    const body = () => halves(slow()).body;
    const lost = ['waits', 'parses', 'loops'].map((subject) =>
      eom(withMessage(about(subject), body)),
    );
    for (const outcome of await Promise.all(lost)) expect(outcome.verdict.kind).toBe('tempfail');
    // Its first call has the number that the first call of the old isolate had.
    await eom(withMessage(about('again')));
    expect(under.said.at(-1)).toBe('true');
    expect(under.logged.map(({ text }) => text).join()).not.toContain('runner died');
  });
});

test('a runner has no thread for parsing until a filter parses', async () => {
  under = await EngineUnderTest.start([
    filter('sometimes', `if (message.headers.has('Cc')) await message.parse();`),
  ]);
  const parsers = () =>
    readdirSync(`/proc/${runner()}/task`)
      .map((task) => readFileSync(`/proc/${runner()}/task/${task}/comm`, 'latin1').trim())
      .filter((name) => name === 'parser').length;
  await eom(withMessage(fixture('plain.eml')));
  expect(parsers()).toBe(0);
  await eom(withMessage(fixture('invoice.eml')));
  expect(parsers()).toBe(1);
});

test('500 messages take no more memory than 100 did', async () => {
  under = await EngineUnderTest.start([
    filter(
      'reads',
      `const { attachments } = await message.parse(); await attachments[0].content();`,
    ),
  ]);
  const large = base64(400_000);
  const session = under.open({ body: () => halves(large).body });
  const pid = runner();
  const measured: number[] = [];
  for (let count = 1; count <= 500; count += 1) {
    learn(session, large);
    expect((await eom(session)).verdict.kind).toBe('continue');
    session.endMessage();
    if (count % 100 === 0) measured.push(residentMb(pid));
  }
  expect(runner()).toBe(pid);
  // 400 more of them, a megabyte each with what crosses, would be 400 MB.
  expect(measured.at(-1)! - measured[0]!).toBeLessThan(60);
  expect(Math.max(...measured)).toBeLessThan(300);
}, 120_000);
