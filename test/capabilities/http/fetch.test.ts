import { once } from 'node:events';
import { createServer as createNetServer } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { freePort } from '../../harness/ports.ts';
import { allowing, LOCAL, Web } from './web-server.ts';

describe('http.fetch', () => {
  let web: Web;
  beforeEach(() => {
    web = new Web();
  });
  afterEach(() => web.close());

  test('gives status, headers and body', async () => {
    const port = await web.serve((_, response) => {
      response.writeHead(404, 'Nothing Here', [
        ...['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Kind', 'x', 'Connection', 'close'],
      ]);
      response.end(Buffer.from([0, 0xff, 0x41]));
    });
    const url = `http://127.0.0.1:${port}/a?b=c`;
    const answer = await web.http().perform('fetch', [`${url}#d`], LOCAL);
    expect(answer).toMatchObject({ status: 404, statusText: 'Nothing Here', url });
    expect(answer.headers.slice(0, 3)).toEqual([
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['X-Kind', 'x'],
    ]);
    expect(answer.body).toBe('\0\xffA');
  });

  test('sends method, headers and body', async () => {
    const port = await web.serve((_, response) => response.end());
    const http = web.http();
    const url = `http://127.0.0.1:${port}/`;
    const headers = [
      ['X-One', 'é'],
      ['User-Agent', 'mine'],
    ];
    await http.perform('fetch', [url, { method: 'post', headers, body: 'ü' }], LOCAL);
    const bytes = { method: 'DELETE', body: { bytes: '\xff' } };
    await http.perform('fetch', [url, bytes], LOCAL);
    await http.perform('fetch', [url, {}], LOCAL);
    expect(web.seen[0]).toMatchObject({
      method: 'POST',
      body: 'ü',
      headers: {
        'x-one': 'é',
        'user-agent': 'mine',
        'content-type': 'text/plain;charset=UTF-8',
        'content-length': '2',
        host: `127.0.0.1:${port}`,
      },
    });
    expect(web.seen[1]).toMatchObject({
      method: 'DELETE',
      body: '\ufffd',
      headers: { 'content-length': '1' },
    });
    expect(web.seen[1]!.headers['content-type']).toBeUndefined();
    expect(web.seen[2]).toMatchObject({
      method: 'GET',
      headers: { accept: '*/*', 'user-agent': 'postern', 'accept-encoding': 'gzip, deflate, br' },
    });
  });

  test.each([
    [[]],
    [[7]],
    [['not a url']],
    [['/path']],
    [['ftp://127.0.0.1/']],
    [['file:///etc/passwd']],
    [['data:text/plain,x']],
    [['http://user:secret@127.0.0.1/']],
    [['http://user@127.0.0.1/']],
    [[`http://127.0.0.1/${'x'.repeat(9000)}`]],
    [['http://127.0.0.1/', { method: 'CONNECT' }]],
    [['http://127.0.0.1/', { method: 'trace' }]],
    [['http://127.0.0.1/', { method: 'GET /x HTTP/1.1\r\nX: y' }]],
    [['http://127.0.0.1/', { body: 'x' }]],
    [['http://127.0.0.1/', { method: 'HEAD', body: 'x' }]],
    [['http://127.0.0.1/', { timeout: 0 }]],
    [['http://127.0.0.1/', { redirect: 'error' }]],
    [['http://127.0.0.1/', { agent: {} }]],
    ...[
      ['Host', 'evil.test'],
      ['Connection', 'close'],
      ['Transfer-Encoding', 'chunked'],
      ['Content-Length', '0'],
      ['Proxy-Authorization', 'x'],
      ['Expect', '100-continue'],
      ['X: y\r\nHost', 'x'],
      ['', 'x'],
      ['X', 'y\r\nHost: evil.test'],
      ['X', 'y\n z'],
      ['X', 'a\0b'],
      ['X', '\u010d\u010a'],
      ['X', 'x'.repeat(40_000)],
    ].map((header) => [['http://127.0.0.1/', { headers: [header] }]]),
    [['http://127.0.0.1/', { headers: Array(101).fill(['X', 'y']) }]],
  ] as [unknown[]][])('refuses %j', async (args) => {
    const failing = web.http().perform('fetch', args, LOCAL);
    await expect(failing).rejects.toMatchObject({
      code: 'ERR_ARGUMENT',
      message: expect.not.stringContaining('secret'),
    });
  });

  test('is all that there is', async () => {
    await expect(web.http().perform('get', [], LOCAL)).rejects.toMatchObject({
      code: 'ERR_UNKNOWN_CAPABILITY',
    });
  });

  describe('goes only', () => {
    test('where the filter may go', async () => {
      const port = await web.serve((_, response) => response.end());
      const http = web.http({ 'inside.test': ['127.0.0.1'] });
      const url = `http://inside.test:${port}/p?token=secret`;
      await expect(http.perform('fetch', [url, {}], allowing('other.test'))).rejects.toMatchObject({
        code: 'ERR_HTTP_HOST',
        message: `http.fetch: this filter may not talk to inside.test:${port}; to allow it, write options.http: ['inside.test:${port}'] in the filter`,
      });
      expect(web.lookedUp).toEqual([]);
      await expect(http.perform('fetch', [url, {}], allowing('inside.test'))).rejects.toMatchObject(
        {
          code: 'ERR_HTTP_HOST',
          message: expect.stringMatching(/^http\.fetch: inside\.test leads to 127\.0\.0\.1, which/),
        },
      );
      expect(web.seen).toEqual([]);
      const allowed = allowing('inside.test', '127.0.0.0/8');
      expect(await http.perform('fetch', [url, {}], allowed)).toMatchObject({ status: 200 });
      expect(web.seen[0]!.headers.host).toBe(`inside.test:${port}`);
    });

    test('to the address that was checked, though the name leads elsewhere a moment later', async () => {
      const port = await web.serve((_, response) => response.end('outside'));
      let lookups = 0;
      const http = web.http(
        {},
        {
          lookup: async () => {
            lookups += 1;
            return [{ address: lookups === 1 ? '127.0.0.1' : '127.0.0.2', family: 4 }];
          },
        },
      );
      const context = allowing('rebinding.test', '127.0.0.1');
      const url = `http://rebinding.test:${port}/`;
      expect(await http.perform('fetch', [url, {}], context)).toMatchObject({ body: 'outside' });
      expect(lookups).toBe(1);
      await expect(http.perform('fetch', [url, {}], context)).rejects.toMatchObject({
        code: 'ERR_HTTP_HOST',
      });
    });

    test('over connections whose address was checked for this filter', async () => {
      const port = await web.serve((_, response) => response.end('inside'));
      let leadsTo = '127.0.0.1';
      const http = web.http({}, { lookup: async () => [{ address: leadsTo, family: 4 }] });
      const url = `http://a.test:${port}/`;
      const context = allowing('a.test', '127.0.0.1');
      await http.perform('fetch', [url, {}], context);
      await http.perform('fetch', [url, {}], context);
      expect(new Set(web.seen.map((seen) => seen.port)).size).toBe(1);
      // Nobody listens there: an answer could come over the kept connection only.
      leadsTo = '127.0.0.2';
      await expect(
        http.perform('fetch', [url, {}], allowing('a.test', '127.0.0.2')),
      ).rejects.toMatchObject({ code: 'ERR_HTTP_CONNECT' });
    });
  });

  test('tries all allowed addresses of a name', async () => {
    const port = await web.serve((_, response) => response.end('six'), '::1');
    const http = web.http({ 'both.test': ['127.0.0.1', '10.1.1.1', '::1'] });
    const context = allowing('both.test', '127.0.0.0/8', '::1');
    expect(await http.perform('fetch', [`http://both.test:${port}/`, {}], context)).toMatchObject({
      body: 'six',
    });
  });

  describe('keeps connections open', () => {
    test('and asks again over a new one when the server has just closed it', async () => {
      let answered = 0;
      const server = createNetServer((socket) => {
        let isFirst = true;
        socket.on('error', () => {});
        socket.on('data', () => {
          if (!isFirst) return socket.resetAndDestroy();
          isFirst = false;
          answered += 1;
          return socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
        });
      });
      const port = await web.listen(server);
      const http = web.http();
      const url = `http://127.0.0.1:${port}/`;
      for (let n = 0; n < 3; n += 1)
        expect(await http.perform('fetch', [url, {}], LOCAL)).toMatchObject({ body: 'ok' });
      expect(answered).toBe(3);
    });

    test('but sends what must not be done twice over one of its own', async () => {
      const port = await web.serve((_, response) => response.end());
      const http = web.http();
      const url = `http://127.0.0.1:${port}/`;
      await http.perform('fetch', [url, {}], LOCAL);
      await http.perform('fetch', [url, { method: 'POST', body: 'x' }], LOCAL);
      await http.perform('fetch', [url, {}], LOCAL);
      const [get, post, again] = web.seen.map((seen) => seen.port);
      expect([post === get, again === get]).toEqual([false, true]);
    });
  });

  describe('unpacks', () => {
    const text = 'text '.repeat(1000);
    test.each([
      ['gzip', gzipSync(text)],
      ['x-gzip', gzipSync(text)],
      ['br', brotliCompressSync(text)],
      ['deflate', deflateSync(text)],
      ['deflate', deflateRawSync(text)],
      ['GZip', gzipSync(text)],
      ['identity', Buffer.from(text)],
      ['zstd, unknown', Buffer.from(text)],
    ])('%s', async (encoding, body) => {
      const port = await web.serve((_, response) => {
        response.setHeader('Content-Encoding', encoding);
        response.write(body.subarray(0, 1));
        response.end(body.subarray(1));
      });
      const url = `http://127.0.0.1:${port}/`;
      expect(await web.http().perform('fetch', [url, {}], LOCAL)).toMatchObject({ body: text });
    });

    test.each([
      ['HEAD', 200],
      ['GET', 204],
      ['GET', 304],
    ])('nothing where there is no body (%s, %i)', async (method, status) => {
      const port = await web.serve((_, response) => {
        response.writeHead(status, { 'Content-Encoding': 'deflate' }).end();
      });
      const url = `http://127.0.0.1:${port}/`;
      const http = web.http();
      for (let n = 0; n < 2; n += 1) {
        const answer = await http.perform('fetch', [url, { method }], LOCAL);
        expect(answer).toMatchObject({ status, body: '' });
      }
    });

    test.each(['gzip', 'br', 'deflate'])('no %s that is none', async (encoding) => {
      const port = await web.serve((_, response) => {
        response.setHeader('Content-Encoding', encoding).end('this is plain text');
      });
      const url = `http://127.0.0.1:${port}/`;
      await expect(web.http().perform('fetch', [url, {}], LOCAL)).rejects.toMatchObject({
        code: 'ERR_HTTP_ANSWER',
      });
    });

    test('no gzip that is cut', async () => {
      const packed = gzipSync(text);
      const port = await web.serve((_, response) => {
        response.setHeader('Content-Encoding', 'gzip').end(packed.subarray(0, 20));
      });
      const url = `http://127.0.0.1:${port}/`;
      await expect(web.http().perform('fetch', [url, {}], LOCAL)).rejects.toMatchObject({
        code: 'ERR_HTTP_ANSWER',
      });
    });
  });

  test('waits for a body that comes slowly', async () => {
    const port = await web.serve(async (_, response) => {
      for (const part of ['a', 'b', 'c']) {
        response.write(part);
        await new Promise((resolve) => setImmediate(resolve));
      }
      response.end();
    });
    const url = `http://127.0.0.1:${port}/`;
    expect(await web.http().perform('fetch', [url, {}], LOCAL)).toMatchObject({ body: 'abc' });
  });

  test('knows who is not there', async () => {
    const url = `http://127.0.0.1:${await freePort()}/p?q=secret`;
    await expect(web.http().perform('fetch', [url, {}], LOCAL)).rejects.toMatchObject({
      code: 'ERR_HTTP_CONNECT',
      message: `http.fetch: the connection to ${url.replace('?q=secret', '')} failed: ECONNREFUSED`,
    });
    await expect(
      web.http().perform('fetch', ['http://nowhere.test/', {}], allowing('nowhere.test')),
    ).rejects.toMatchObject({
      code: 'ERR_HTTP_CONNECT',
      message: 'http.fetch: the connection to http://nowhere.test/ failed: ENOTFOUND',
    });
  });

  test.each([
    ['nothing', '', 'ERR_HTTP_CONNECT'],
    ['half a head', 'HTTP/1.1 200 OK\r\nX', 'ERR_HTTP_CONNECT'],
    ['half a body', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 'ERR_HTTP_CONNECT'],
    ['no HTTP', '220 mail.test ESMTP\r\n', 'ERR_HTTP_ANSWER'],
    [
      'two lengths',
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      'ERR_HTTP_ANSWER',
    ],
    ['a head without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(100_000)}`, 'ERR_HTTP_ANSWER'],
    [
      'another protocol',
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      'ERR_HTTP_CONNECT',
    ],
  ])('fails when a server gives %s and closes', async (_, text, code) => {
    const port = await web.listen(
      createNetServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.end(text));
      }),
    );
    const url = `http://127.0.0.1:${port}/`;
    await expect(web.http().perform('fetch', [url, {}], LOCAL)).rejects.toMatchObject({ code });
  });

  test('fails when it is closed', async () => {
    const server = createNetServer();
    const port = await web.listen(server);
    const http = web.http();
    const connected = once(server, 'connection');
    const waiting = http.perform('fetch', [`http://127.0.0.1:${port}/`, {}], LOCAL);
    await connected;
    http.close();
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_HTTP_CONNECT' });
  });
});
