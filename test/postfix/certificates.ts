/** Certificates that last as long as a test, made with the openssl command. */

import { execFile } from 'node:child_process';
import { chmod, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A certificate and its key: PEM texts for Node, files for Postfix. */
export type Certificate = {
  readonly cert: string;
  readonly key: string;
  readonly certFile: string;
  readonly keyFile: string;
};

const run = promisify(execFile);

/** A certificate for this common name, self-signed or signed by `issuer`. */
export async function makeCertificate(
  folder: string,
  commonName: string,
  issuer?: Certificate,
): Promise<Certificate> {
  const file = commonName.replace(/\W+/g, '-');
  const certFile = join(folder, `${file}.crt`);
  const keyFile = join(folder, `${file}.key`);
  const request = ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const names = ['-keyout', keyFile, '-utf8', '-subj', `/O=Postern tests/CN=${commonName}`];
  if (!issuer) await openssl([...request, ...names, '-x509', '-days', '2', '-out', certFile]);
  else {
    const requestFile = join(folder, `${file}.csr`);
    await openssl([...request, ...names, '-out', requestFile]);
    const authority = ['-CA', issuer.certFile, '-CAkey', issuer.keyFile, '-CAcreateserial'];
    await openssl([
      'x509',
      '-req',
      '-in',
      requestFile,
      ...authority,
      '-days',
      '2',
      '-out',
      certFile,
    ]);
  }
  // smtpd reads keys before it gives up root; others must not.
  await chmod(keyFile, 0o600);
  return {
    cert: await readFile(certFile, 'latin1'),
    key: await readFile(keyFile, 'latin1'),
    certFile,
    keyFile,
  };
}

async function openssl(args: readonly string[]): Promise<void> {
  await run('openssl', [...args]);
}
