import { tmpdir } from 'node:os';
import { relative } from 'node:path';
import type { MtaName, MtaSettings } from '../harness/mta.ts';
import type { SmtpClient } from '../harness/smtp-client.ts';
import { type TemporaryDirectory, temporaryDirectory } from '../harness/temporary-directory.ts';
import { type Certificate, makeCertificate } from '../postfix/certificates.ts';
import { connectWithStartTls } from '../postfix/starttls.ts';
import { MailSystem } from './mail-system.ts';
import { onEachMta } from './on-each-mta.ts';

/** Reports what is known at each phase of a message. */
const REPORTS = `
  const note = (s, phase) => { (s.state.seen ??= []).push([phase, s.tls ?? 'none', s.auth ?? 'none']); };
  export const helo = (s) => note(s, 'helo'); export const mail = (s) => note(s, 'mail');
  export function eom(s, message) { note(s, 'eom'); message.headers.add('X-Seen', JSON.stringify(s.state.seen)); }`;

const TLS = { version: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_/), bits: 256 };

/** Who the client is by its certificate, as the MTA puts it. */
const NAMES: Readonly<Record<MtaName, object>> = {
  // The common names alone.
  postfix: { subject: 'client.test', issuer: 'Test authority' },
  // The whole names, in its own encoding (xtextify).
  sendmail: {
    subject: '/O=Postern+20tests/CN=client.test',
    issuer: '/O=Postern+20tests/CN=Test+20authority',
  },
};

function settings(server: Certificate, authority: Certificate, folder: string): MtaSettings {
  return {
    postfix: {
      smtpd_tls_security_level: 'may',
      smtpd_tls_cert_file: server.certFile,
      smtpd_tls_key_file: server.keyFile,
      smtpd_tls_CAfile: authority.certFile,
      smtpd_tls_ask_ccert: 'yes',
    },
    sendmail: {
      ServerCertFile: server.certFile,
      ServerKeyFile: server.keyFile,
      CACertFile: authority.certFile,
      CACertPath: folder,
      AuthMechanisms: 'EXTERNAL',
    },
  };
}

onEachMta(
  'a client with TLS',
  (mta) => {
    let folder: TemporaryDirectory;
    let authority: Certificate;
    let system: MailSystem<'reports'>;

    beforeAll(async () => {
      // Sendmail reads no key to which a path leads that anybody may write to.
      folder = await temporaryDirectory(relative(tmpdir(), '/run/postern-tls-'));
      authority = await makeCertificate(folder.path, 'Test authority');
      const server = await makeCertificate(folder.path, 'mx.postern.test', authority);
      system = await MailSystem.start({
        mta,
        places: { reports: { filters: { reports: REPORTS } } },
        settings: settings(server, authority, folder.path),
      });
    });
    afterAll(async () => {
      await system?.stop();
      await folder?.remove();
    });

    let count = 0;

    async function seenBy(client: SmtpClient, mailArgs: readonly string[] = []) {
      count += 1;
      const to = `recipient${count}@example.com`;
      expect((await client.mail('sender@example.org', mailArgs)).code).toBe(250);
      await client.rcpt(to);
      expect((await client.data('Subject: x\r\n\r\nx\r\n')).code).toBe(250);
      const seen = (await system.receiver.nextTo(to)).header('X-Seen') ?? '';
      return JSON.parse(seen.replace(/\r\n/g, '')) as readonly unknown[];
    }

    const withTls = (certificate?: Certificate) =>
      connectWithStartTls(system.port('reports'), {
        ca: authority.cert,
        servername: 'mx.postern.test',
        ...(certificate && { cert: certificate.cert, key: certificate.key }),
      });

    test('has TLS from the EHLO after STARTTLS on', async () => {
      const client = await withTls();
      await client.ehlo();
      expect(await seenBy(client)).toEqual([
        ['helo', 'none', 'none'],
        ['helo', TLS, 'none'],
        ['mail', TLS, 'none'],
        ['eom', TLS, 'none'],
      ]);
      await client.quit();
    });

    test('has the names of its certificate', async () => {
      const client = await withTls(await makeCertificate(folder.path, 'client.test', authority));
      await client.ehlo();
      expect((await seenBy(client)).at(-1)).toEqual(['eom', { ...TLS, ...NAMES[mta] }, 'none']);
      await client.quit();
    });

    // With Postfix a login takes a login server: test/postfix/tls-auth.test.ts.
    if (mta === 'postfix') return;
    test('is known after a login, and its author too', async () => {
      const client = await withTls(await makeCertificate(folder.path, 'client.test', authority));
      await client.ehlo();
      expect((await client.command('AUTH EXTERNAL =')).code).toBe(235);
      const tls = { ...TLS, ...NAMES[mta] };
      const user = '/O+3DPostern+2B20tests/CN+3Dclient.test';
      const auth = { type: 'EXTERNAL', user, author: 'author@example.org' };
      expect((await seenBy(client, ['AUTH=author@example.org'])).slice(-2)).toEqual([
        ['mail', tls, auth],
        ['eom', tls, auth],
      ]);
      await client.quit();
    });
  },
  ['openssl'],
);
