import { describeWith } from '../harness/requirements.ts';
import type { SmtpClient } from '../harness/smtp-client.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';
import { type Certificate, makeCertificate } from './certificates.ts';
import { type Dovecot, startDovecot } from './dovecot.ts';
import { Site } from './site.ts';
import { connectWithStartTls } from './starttls.ts';

/** Notes what is known in each phase, and tells at the end of the message. */
const NOTES = `import { log } from 'postern';
  const note = (s, phase) => { (s.state.seen ??= []).push({ phase, tls: s.tls ?? 'none', auth: s.auth ?? 'none' }); };
  export const helo = (s) => note(s, 'helo');
  export const mail = (s) => note(s, 'mail');
  export const rcpt = (s) => note(s, 'rcpt');
  export function eom(s, m) {
    note(s, 'eom');
    log.info('seen for ' + m.recipients[0].address, { seen: s.state.seen });
    s.state.seen = [];
  }`;

/** Only knows the end of the message, and asks for macros of its own, which replaces the lists of Postfix. */
const ASKS = `import { log } from 'postern';
  export const options = { macros: ['{client_ptr}'] };
  export function eom(s, m) {
    log.info('asked for ' + m.recipients[0].address, { tls: s.tls ?? 'none', auth: s.auth ?? 'none' });
  }`;

describeWith(['postfix', 'dovecot', 'openssl'], 'a client with TLS and a login', () => {
  let folder: TemporaryDirectory;
  let dovecot: Dovecot;
  let authority: Certificate;
  let site: Site<'notes' | 'asks', 'submission'>;

  beforeAll(async () => {
    folder = await temporaryDirectory('postern-tls-');
    authority = await makeCertificate(folder.path, 'Test authority');
    const server = await makeCertificate(folder.path, 'mx.postern.test', authority);
    dovecot = await startDovecot({ alice: 'secret', 'bob@example.org': 'other' });
    site = await Site.start({
      filters: { notes: NOTES, asks: ASKS },
      postfix: ({ notes, asks }) => ({
        settings: {
          smtpd_tls_security_level: 'may',
          smtpd_tls_cert_file: server.certFile,
          smtpd_tls_key_file: server.keyFile,
          smtpd_tls_CAfile: authority.certFile,
          smtpd_tls_ask_ccert: 'yes',
          smtpd_sasl_auth_enable: 'yes',
          smtpd_sasl_type: 'dovecot',
          smtpd_sasl_path: dovecot.path,
          smtpd_sasl_security_options: 'noanonymous',
        },
        services: { submission: { milters: `${notes}, ${asks}` } },
      }),
    });
  });
  afterAll(async () => {
    await site?.stop();
    await dovecot?.stop();
    await folder?.remove();
  });

  let count = 0;

  /** Sends a message; gives what was seen in each phase since the one before. */
  async function seenOf(client: SmtpClient, mailArgs: readonly string[] = []) {
    count += 1;
    const to = `recipient${count}@example.com`;
    expect((await client.mail('sender@example.org', mailArgs)).code).toBe(250);
    await client.rcpt(to);
    expect((await client.data('Subject: x\n\nx\n')).code).toBe(250);
    const { seen } = await site.postern.logged(`seen for ${to}`);
    const asked = await site.postern.logged(`asked for ${to}`);
    return { seen, asked };
  }

  const TLS = {
    version: 'TLSv1.3',
    cipher: expect.stringMatching(/^TLS_/),
    bits: expect.any(Number),
  };

  test('has neither before it asked for them', async () => {
    const client = await site.connect('submission');
    await client.ehlo();
    const { seen, asked } = await seenOf(client);
    expect(seen).toEqual(
      ['helo', 'mail', 'rcpt', 'eom'].map((phase) => ({ phase, tls: 'none', auth: 'none' })),
    );
    expect(asked).toEqual({ tls: 'none', auth: 'none' });
    await client.quit();
  });

  test('has TLS from the EHLO after STARTTLS on, in every message', async () => {
    const client = await connectWithStartTls(site.port('submission'), {
      ca: authority.cert,
      servername: 'mx.postern.test',
    });
    await client.ehlo();
    const first = await seenOf(client);
    expect(first.seen).toEqual([
      { phase: 'helo', tls: 'none', auth: 'none' },
      ...['helo', 'mail', 'rcpt', 'eom'].map((phase) => ({ phase, tls: TLS, auth: 'none' })),
    ]);
    expect(first.asked).toEqual({ tls: TLS, auth: 'none' });
    const second = await seenOf(client);
    expect(second.seen).toEqual(
      ['mail', 'rcpt', 'eom'].map((phase) => ({ phase, tls: TLS, auth: 'none' })),
    );
    await client.quit();
  });

  test('has the subject and the issuer of a certificate that can be trusted, by their common names', async () => {
    const own = await makeCertificate(folder.path, 'client.example.org', authority);
    const stranger = await makeCertificate(folder.path, 'stranger.example.org');
    const foreign = await makeCertificate(folder.path, 'Grüße € Client', authority);
    for (const [{ cert, key }, subject, issuer] of [
      [own, 'client.example.org', 'Test authority'],
      [foreign, 'Grüße € Client', 'Test authority'],
      // Nobody vouches for this one.
      [stranger, undefined, undefined],
    ] as const) {
      const client = await connectWithStartTls(site.port('submission'), {
        ca: authority.cert,
        servername: 'mx.postern.test',
        cert,
        key,
      });
      await client.ehlo();
      const { seen, asked } = await seenOf(client);
      const names = subject === undefined ? {} : { subject, issuer };
      expect(seen).toContainEqual({
        phase: 'mail',
        tls: { ...TLS, ...names },
        auth: 'none',
      });
      expect(asked).toEqual({ tls: { ...TLS, ...names }, auth: 'none' });
      await client.quit();
    }
  });

  test('has the version and cipher that were agreed', async () => {
    const client = await connectWithStartTls(site.port('submission'), {
      ca: authority.cert,
      servername: 'mx.postern.test',
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256',
    });
    await client.ehlo();
    const tls = { version: 'TLSv1.2', cipher: 'ECDHE-ECDSA-AES128-GCM-SHA256', bits: 128 };
    expect((await seenOf(client)).asked).toEqual({ tls, auth: 'none' });
    await client.quit();
  });

  test('has the login that Dovecot let in, and the author that it names', async () => {
    const client = await site.connect('submission');
    await client.ehlo();
    expect((await client.command(`AUTH PLAIN ${plain('alice', 'wrong')}`)).code).toBe(535);
    expect((await seenOf(client)).asked).toEqual({ tls: 'none', auth: 'none' });
    expect((await client.command(`AUTH PLAIN ${plain('alice', 'secret')}`)).code).toBe(235);
    const auth = { type: 'PLAIN', user: 'alice' };
    const { seen, asked } = await seenOf(client);
    expect(seen).toEqual(['mail', 'rcpt', 'eom'].map((phase) => ({ phase, tls: 'none', auth })));
    expect(asked).toEqual({ tls: 'none', auth });
    const named = await seenOf(client, ['AUTH=author@example.org']);
    expect(named.asked).toEqual({
      tls: 'none',
      auth: { ...auth, author: 'author@example.org' },
    });
    await client.quit();
  });

  test('has both', async () => {
    const client = await connectWithStartTls(site.port('submission'), {
      ca: authority.cert,
      servername: 'mx.postern.test',
    });
    await client.ehlo();
    await client.command(`AUTH PLAIN ${plain('bob@example.org', 'other')}`);
    const { seen } = await seenOf(client);
    const auth = { type: 'PLAIN', user: 'bob@example.org' };
    expect(seen).toContainEqual({ phase: 'mail', tls: TLS, auth });
    await client.quit();
  });
});

function plain(user: string, password: string): string {
  return Buffer.from(`\0${user}\0${password}`).toString('base64');
}
