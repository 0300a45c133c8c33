import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { LOCAL, Web } from './web-server.ts';

describe('http.fetch is limited', () => {
  let web: Web;
  beforeEach(() => {
    web = new Web();
  });
  afterEach(() => web.close());

  function endless(): Readable {
    const chunk = Buffer.alloc(64 * 1024, 'x');
    return new Readable({
      read() {
        this.push(chunk);
      },
    });
  }

  test('in the bytes of an answer, exactly', async () => {
    const port = await web.serve(({ url }, response) => {
      response.end('x'.repeat(Number(/\d+/.exec(url!)![0])));
    });
    const http = web.http({}, { bytes: 1000 });
    const url = `http://127.0.0.1:${port}`;
    expect((await http.perform('fetch', [`${url}/1000`, {}], LOCAL)).body).toHaveLength(1000);
    await expect(http.perform('fetch', [`${url}/1001?x`, {}], LOCAL)).rejects.toMatchObject({
      code: 'ERR_HTTP_SIZE',
      message: `http.fetch: ${url}/1001 answered with more than 1000 bytes`,
    });
  });

  test('so that a body without end is not read to it', async () => {
    const closed = Promise.withResolvers<void>();
    const port = await web.serve((_, response) => {
      response.on('close', closed.resolve);
      endless().pipe(response);
    });
    const http = web.http({}, { bytes: 200_000 });
    const url = `http://127.0.0.1:${port}/`;
    await expect(http.perform('fetch', [url, {}], LOCAL)).rejects.toMatchObject({
      code: 'ERR_HTTP_SIZE',
    });
    await closed.promise;
  });

  test.each([
    ['gzip', gzipSync(Buffer.alloc(50_000_000))],
    ['br', brotliCompressSync(Buffer.alloc(50_000_000))],
    ['deflate', deflateSync(Buffer.alloc(50_000_000))],
  ])('in the bytes of what %s unpacks to', async (encoding, bomb) => {
    expect(bomb.length).toBeLessThan(200_000);
    const port = await web.serve((_, response) => {
      response.setHeader('Content-Encoding', encoding).end(bomb);
    });
    const http = web.http({}, { bytes: 200_000 });
    const before = process.memoryUsage().rss;
    const url = `http://127.0.0.1:${port}/`;
    await expect(http.perform('fetch', [url, {}], LOCAL)).rejects.toMatchObject({
      code: 'ERR_HTTP_SIZE',
    });
    expect(process.memoryUsage().rss - before).toBeLessThan(40_000_000);
  });

  test('in the bytes on the wire, though they unpack to nothing', async () => {
    const port = await web.serve((_, response) => {
      response.setHeader('Content-Encoding', 'deflate');
      // Stored blocks without content, after a zlib header.
      response.write(Buffer.from([0x78, 0x01]));
      const blocks = Buffer.concat(Array(20_000).fill(Buffer.from([0, 0, 0, 0xff, 0xff])));
      new Readable({
        read() {
          this.push(blocks);
        },
      }).pipe(response);
    });
    const http = web.http({}, { bytes: 200_000 });
    const url = `http://127.0.0.1:${port}/`;
    await expect(http.perform('fetch', [url, {}], LOCAL)).rejects.toMatchObject({
      code: 'ERR_HTTP_SIZE',
    });
  });

  describe('in time', () => {
    /** Connections of a server that sends `text` and then nothing more. */
    async function stalling(text: string): Promise<{ port: number; closed: Promise<unknown> }> {
      const closed = Promise.withResolvers<void>();
      const port = await web.listen(
        createServer((socket: Socket) => {
          socket.on('error', () => {});
          socket.on('close', closed.resolve);
          socket.once('data', () => socket.write(text));
        }),
      );
      return { port, closed: closed.promise };
    }

    test.each([
      ['that never answers', ''],
      ['that stops in the middle', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
      ['that packs its silence', 'HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n'],
    ])('with a server %s', async (_, text) => {
      const { port, closed } = await stalling(text);
      const http = web.http({}, { timeoutMs: 150 });
      const url = `http://127.0.0.1:${port}/p`;
      await expect(
        http.perform('fetch', [`${url}?q`, { timeout: 10_000 }], LOCAL),
      ).rejects.toMatchObject({
        code: 'ERR_HTTP_TIMEOUT',
        message: `http.fetch: ${url} was not fetched within 150 ms`,
      });
      await closed;
    });

    test('as the filter wants it', async () => {
      const { port } = await stalling('');
      const url = `http://127.0.0.1:${port}/`;
      await expect(
        web.http().perform('fetch', [url, { timeout: 100 }], LOCAL),
      ).rejects.toMatchObject({ code: 'ERR_HTTP_TIMEOUT' });
    });

    test('with a name that is looked up for ever', async () => {
      const http = web.http({}, { timeoutMs: 100, lookup: () => new Promise(() => {}) });
      await expect(
        http.perform('fetch', ['http://a.test/', {}], { ...LOCAL, hosts: ['a.test'] }),
      ).rejects.toMatchObject({ code: 'ERR_HTTP_TIMEOUT' });
    });

    test('over all redirections together', async () => {
      const port = await web.serve((_, response) => {
        setTimeout(() => response.writeHead(302, { Location: '/' }).end(), 60);
      });
      const http = web.http({}, { timeoutMs: 150, redirects: 1000 });
      await expect(
        http.perform('fetch', [`http://127.0.0.1:${port}/`, {}], LOCAL),
      ).rejects.toMatchObject({ code: 'ERR_HTTP_TIMEOUT' });
    });
  });

  test.each([
    ['before the answer', ''],
    ['in the middle of the body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
  ])('by the handler that asked: %s its end closes the connection', async (_, text) => {
    const server = createServer();
    const port = await web.listen(server);
    const handler = new AbortController();
    const waiting = web
      .http()
      .perform('fetch', [`http://127.0.0.1:${port}/`, {}], { ...LOCAL, signal: handler.signal });
    const [socket] = (await once(server, 'connection')) as [Socket];
    socket.on('error', () => {});
    const closed = new Promise((resolve) => socket.on('close', resolve));
    await once(socket, 'data');
    await new Promise<void>((resolve) => socket.write(text, () => resolve()));
    handler.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    await closed;
  });

  test('by a handler that is over already', async () => {
    const port = await web.serve((_, response) => response.end());
    await expect(
      web.http().perform('fetch', [`http://127.0.0.1:${port}/`, {}], {
        ...LOCAL,
        signal: AbortSignal.abort(),
      }),
    ).rejects.toMatchObject({ code: 'ERR_ABORTED' });
    expect(web.seen).toEqual([]);
  });
});
