import { allowing, LOCAL, Web } from './web-server.ts';

describe('a redirection', () => {
  let web: Web;
  let port: number;
  beforeEach(async () => {
    web = new Web();
    // /302/next redirects to /next with 302; everything else answers.
    port = await web.serve(({ url }, response) => {
      const match = /^\/(\d{3})\/(.*)$/.exec(url!);
      if (!match) return response.end(`end ${url}`);
      return response
        .writeHead(Number(match[1]), { Location: decodeURIComponent(match[2]!) })
        .end();
    });
  });
  afterEach(() => web.close());

  const at = (path: string) => `http://127.0.0.1:${port}${path}`;
  const to = (status: number, location: string) => at(`/${status}/${encodeURIComponent(location)}`);
  const fetch = (url: string, init: object = {}, context = LOCAL) =>
    web.http({ 'a.test': ['127.0.0.1'] }).perform('fetch', [url, init], context);

  test('is followed, relative ones too', async () => {
    expect(await fetch(to(302, '/there?x#y'))).toMatchObject({
      status: 200,
      body: 'end /there?x',
      url: at('/there?x'),
    });
  });

  test('is an answer where the filter wants it so, or where it leads nowhere', async () => {
    expect(await fetch(to(302, '/there'), { redirect: 'manual' })).toMatchObject({
      status: 302,
      headers: expect.arrayContaining([['Location', '/there']]),
    });
    expect(await fetch(at('/304/x'))).toMatchObject({ status: 304 });
  });

  test.each([
    [301, 'POST', 'GET'],
    [302, 'POST', 'GET'],
    [303, 'POST', 'GET'],
    [303, 'PUT', 'GET'],
    [303, 'HEAD', 'HEAD'],
    [302, 'PUT', 'PUT'],
    [307, 'POST', 'POST'],
    [308, 'POST', 'POST'],
  ])('with %i turns %s into %s', async (status, method, after) => {
    const body = method === 'HEAD' ? {} : { body: '{}' };
    const headers = [['Content-Type', 'application/json']];
    await fetch(to(status, '/there'), { method, headers, ...body });
    const [, second] = web.seen;
    expect(second).toMatchObject({
      method: after,
      body: after === method && after !== 'HEAD' ? '{}' : '',
    });
    if (after === 'GET') expect(second!.headers).not.toHaveProperty('content-type');
  });

  test('to another origin takes no secrets along, and none back', async () => {
    const headers = [
      ['authorization', 'Bearer x'],
      ['Cookie', 'a=b'],
      ['X-Other', 'c'],
    ];
    const back = to(302, at('/end'));
    await fetch(
      to(302, `http://a.test:${port}/302/${encodeURIComponent(back)}`),
      { headers },
      allowing('127.0.0.1', 'a.test'),
    );
    expect(web.seen.map((seen) => seen.headers.authorization)).toEqual([
      'Bearer x',
      undefined,
      undefined,
      undefined,
    ]);
    expect(web.seen.map((seen) => seen.headers.cookie)).toEqual([
      'a=b',
      undefined,
      undefined,
      undefined,
    ]);
    expect(web.seen.map((seen) => seen.headers['x-other'])).toEqual(['c', 'c', 'c', 'c']);
  });

  test('within an origin keeps them', async () => {
    await fetch(to(302, '/there'), { headers: [['Authorization', 'x']] });
    expect(web.seen[1]!.headers.authorization).toBe('x');
  });

  test.each([
    'http://169.254.169.254/latest/meta-data/',
    'http://evil.test/',
    'http://127.0.0.2/',
    'http://[::1]/',
    'http://0/',
    '//evil.test/',
    'http://localhost/',
  ])('to %s is refused where the filter may not go', async (location) => {
    await expect(fetch(to(302, location))).rejects.toMatchObject({ code: 'ERR_HTTP_HOST' });
    expect(web.seen).toHaveLength(1);
  });

  test('to a listed name that leads inside is refused', async () => {
    await expect(
      fetch(to(302, 'http://b.test/'), {}, allowing(`127.0.0.1:${port}`, 'a.test:81')),
    ).rejects.toMatchObject({ code: 'ERR_HTTP_HOST' });
    await expect(
      fetch(to(302, 'http://a.test:81/'), {}, allowing(`127.0.0.1:${port}`, 'a.test:81')),
    ).rejects.toMatchObject({
      code: 'ERR_HTTP_HOST',
      message: expect.stringContaining('leads to 127.0.0.1'),
    });
  });

  test.each([
    ['file:///etc/passwd', 'file'],
    ['ftp://127.0.0.1/', 'ftp'],
    ['http://user:secret@127.0.0.1/', 'user'],
    ['http://', 'nothing'],
  ])('to %s is none to follow', async (location) => {
    await expect(fetch(to(302, location))).rejects.toMatchObject({
      code: 'ERR_HTTP_REDIRECT',
      message: expect.not.stringMatching(/secret@|passwd$/),
    });
  });

  test('is followed only so often', async () => {
    web.close();
    web = new Web();
    port = await web.serve(({ url }, response) => {
      const left = Number(/\d+/.exec(url!)![0]);
      if (left === 0) return response.end('end');
      return response.writeHead(302, { Location: `/${left - 1}` }).end();
    });
    expect(await fetch(at('/3'))).toMatchObject({ body: 'end' });
    await expect(fetch(at('/4?secret'))).rejects.toMatchObject({
      code: 'ERR_HTTP_REDIRECT',
      message: `http.fetch: ${at('/4')} redirects more than 3 times`,
    });
  });

  test('whose body has no end is followed at once, and its connection closed', async () => {
    const closed = Promise.withResolvers<void>();
    web.close();
    web = new Web();
    port = await web.serve(({ url }, response) => {
      if (url === '/end') return response.end('end');
      response.on('close', closed.resolve);
      response.writeHead(302, { Location: '/end' });
      return response.write('x');
    });
    expect(await fetch(at('/'))).toMatchObject({ body: 'end' });
    await closed.promise;
  });
});
