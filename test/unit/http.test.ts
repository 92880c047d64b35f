import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { router } from '../../src/lib/http/router.ts';
import {
  BodyTooLarge,
  type HttpServer,
  type HttpServerOptions,
  type Serve,
  startHttpServer,
} from '../../src/lib/http/server.ts';

describe('the router', () => {
  const find = router([
    ['GET /things', 'list'],
    ['POST /things', 'make'],
    ['GET /things/:id', 'show'],
    ['POST /things/:id/parts/:part', 'change'],
  ]);

  test.each<[string, string, unknown]>([
    ['GET', '/things', { value: 'list', params: [] }],
    ['POST', '/things', { value: 'make', params: [] }],
    ['GET', '/things/7', { value: 'show', params: ['7'] }],
    ['POST', '/things/7/parts/a', { value: 'change', params: ['7', 'a'] }],
    ['GET', '/things/a%2Fb%20c', { value: 'show', params: ['a/b c'] }],
    ['GET', '/things/%E0%A4%A', { value: 'show', params: ['%E0%A4%A'] }],
    ['GET', '/things/__proto__', { value: 'show', params: ['__proto__'] }],
    ['DELETE', '/things', { allow: ['GET', 'POST'] }],
    ['POST', '/things/7', { allow: ['GET'] }],
    ['GET', '/things/', undefined],
    ['GET', '/things/7/parts', undefined],
    ['GET', '/', undefined],
    ['GET', '', undefined],
  ])('%s %s', (method, path, expected) => expect(find(method, path)).toEqual(expected));
});

describe('the server', () => {
  let server: HttpServer | undefined;
  let failures: unknown[] = [];
  afterEach(async () => {
    await server?.close();
    server = undefined;
    failures = [];
  });

  async function start(serve: Serve, options: Partial<HttpServerOptions> = {}) {
    server = await startHttpServer({
      host: '127.0.0.1',
      port: 0,
      serve,
      failure(error) {
        failures.push(error);
        return { status: error instanceof BodyTooLarge ? 413 : 500, body: 'no' };
      },
      maxBodyBytes: 10,
      requestTimeoutMs: 5000,
      closePatienceMs: 5000,
      ...options,
    });
    return server;
  }
  const echo: Serve = async (request) => ({
    status: 200,
    headers: { 'X-Path': request.path, 'X-Query': request.query },
    body: (await request.body()).toString(),
  });

  test('gives the path, the query and the body', async () => {
    const { url } = await start(echo);
    const response = await fetch(`${url}/a/b?c=d?e`, { method: 'POST', body: 'ü 1' });
    expect(await response.text()).toBe('ü 1');
    expect(response.headers.get('x-path')).toBe('/a/b');
    expect(response.headers.get('x-query')).toBe('c=d?e');
  });

  test.each(['Content-Length: 11', 'Transfer-Encoding: chunked'])(
    'reads no body beyond the limit: %s',
    async (header) => {
      const { port } = await start(echo);
      const socket = connect(port, '127.0.0.1');
      let text = '';
      socket.on('data', (chunk) => {
        text += chunk;
      });
      socket.on('error', () => {});
      const body = header.startsWith('Transfer') ? 'b\r\n12345678901\r\n' : '1';
      socket.write(`POST / HTTP/1.1\r\nHost: x\r\n${header}\r\n\r\n${body}`);
      // The rest of the body never arrives; the answer does, and the connection is closed.
      await once(socket, 'close');
      expect(text).toMatch(/^HTTP\/1.1 413 /);
      expect(text).toMatch(/connection: close/i);
    },
  );

  test('ignores a request that broke off', async () => {
    let begun = () => {};
    const reading = new Promise<void>((resolve) => {
      begun = resolve;
    });
    let ended: Promise<unknown> = Promise.resolve();
    const { port } = await start((request) => {
      const body = request.body();
      ended = body.catch((error) => error);
      begun();
      return body.then(() => ({ status: 200, body: '' }));
    });
    const socket = connect(port, '127.0.0.1');
    socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12');
    await reading;
    socket.destroy();
    expect(await ended).toBeInstanceOf(Error);
    await server?.close();
    expect(failures).toEqual([]);
  });

  test('answers what a handler throws', async () => {
    const { url } = await start(async () => {
      throw new RangeError('a bug');
    });
    expect((await fetch(url)).status).toBe(500);
    expect(failures).toEqual([new RangeError('a bug')]);
  });

  test('closes idle connections at once, and others when their requests are answered', async () => {
    let answer = () => {};
    let begun = () => {};
    const reached = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { url } = await start(
      (request) =>
        new Promise((resolve) => {
          if (request.path === '/idle') return resolve({ status: 200, body: '' });
          answer = () => resolve({ status: 200, body: 'finished' });
          begun();
        }),
    );
    await (await fetch(`${url}/idle`)).text();
    const slow = fetch(`${url}/slow`);
    await reached;
    const closed = server?.close();
    await expect(fetch(url)).rejects.toThrow();
    answer();
    expect(await (await slow).text()).toBe('finished');
    await closed;
    server = undefined;
  });

  test('cuts connections without an answer in time', async () => {
    let begun = () => {};
    const reached = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const { url } = await start(
      () => {
        begun();
        return new Promise(() => {});
      },
      { closePatienceMs: 20 },
    );
    const hopeless = fetch(url).catch((error: Error) => error);
    await reached;
    await server?.close();
    server = undefined;
    expect(await hopeless).toBeInstanceOf(Error);
  });

  test('throws when the port is in use', async () => {
    const { port } = await start(echo);
    const second = startHttpServer({
      host: '127.0.0.1',
      port,
      serve: echo,
      failure: () => ({ status: 500, body: '' }),
      maxBodyBytes: 1,
      requestTimeoutMs: 1000,
      closePatienceMs: 0,
    });
    await expect(second).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  test.each(['0.0.0.0', '127.0.0.1'])('on %s has an address to call', async (host) => {
    const { url } = await start(echo, { host });
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect((await fetch(url)).status).toBe(200);
  });
});
