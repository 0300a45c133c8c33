import { createServer } from 'node:https';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { folder } from '../../config/folder.ts';
import { type Certificate, makeCertificate } from '../../postfix/certificates.ts';
import { allowing, Web } from './web-server.ts';

describe('http.fetch over TLS', () => {
  let web: Web;
  let ca: Certificate;
  let certificate: Certificate;
  const usual = getCACertificates('default');

  beforeAll(async () => {
    const path = folder();
    ca = await makeCertificate(path, 'Test CA');
    certificate = await makeCertificate(path, 'secure.test', ca);
  });
  beforeEach(() => {
    web = new Web();
  });
  afterEach(() => {
    web.close();
    setDefaultCACertificates(usual);
  });

  async function serve(): Promise<{ port: number; servername: () => unknown }> {
    let servername: unknown;
    const server = createServer(
      { cert: certificate.cert, key: certificate.key },
      (_, response) => void response.end('secure'),
    );
    server.on('secureConnection', (socket) => {
      servername = (socket as unknown as { servername: unknown }).servername;
    });
    return { port: await web.listen(server), servername: () => servername };
  }

  const names = { 'secure.test': ['127.0.0.1'], 'other.test': ['127.0.0.1'] };
  const context = allowing('secure.test', 'other.test', '127.0.0.1');

  test('asks for the name of the URL, at the address that was checked', async () => {
    setDefaultCACertificates([...usual, ca.cert]);
    const { port, servername } = await serve();
    const url = `https://secure.test:${port}/`;
    const http = web.http(names);
    for (let n = 0; n < 2; n += 1)
      expect(await http.perform('fetch', [url, {}], context)).toMatchObject({ body: 'secure' });
    const post = { method: 'POST', body: 'x' };
    expect(await http.perform('fetch', [url, post], context)).toMatchObject({ body: 'secure' });
    expect(servername()).toBe('secure.test');
  });

  test('trusts no certificate of another name', async () => {
    setDefaultCACertificates([...usual, ca.cert]);
    const { port } = await serve();
    const failing = web.http(names).perform('fetch', [`https://other.test:${port}/`, {}], context);
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_HTTP_CONNECT',
      message: expect.stringMatching(/failed: ERR_TLS_CERT_ALTNAME_INVALID$/),
    });
  });

  test('trusts no certificate of an unknown authority', async () => {
    const { port } = await serve();
    const failing = web.http(names).perform('fetch', [`https://secure.test:${port}/`, {}], context);
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_HTTP_CONNECT',
      message: expect.stringMatching(/failed: UNABLE_TO_VERIFY_LEAF_SIGNATURE$/),
    });
  });

  test('takes no plain answer for one', async () => {
    const port = await web.serve((_, response) => response.end());
    const failing = web.http(names).perform('fetch', [`https://secure.test:${port}/`, {}], context);
    await expect(failing).rejects.toMatchObject({ code: 'ERR_HTTP_CONNECT' });
  });
});
