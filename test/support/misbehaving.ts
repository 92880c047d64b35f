import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A request as received. */
export interface Received {
  method: string;
  path: string;
  /** Names in lower case. */
  headers: Record<string, string>;
  body: string;
}

/** How the server handles a connection. */
export interface Behaviour {
  /** Called when the connection is open, before anything is read. */
  connected?(socket: Socket): void;
  /** Called when a whole request has been read. */
  asked?(socket: Socket, request: Received): void;
}

export interface MisbehavingServer {
  url: string;
  requests: Received[];
  /** Sets the behaviour of the next requests; the last one stays. */
  script(...behaviours: Behaviour[]): void;
  close(): Promise<void>;
}

/** Starts a server on loopback that fails as providers do. */
export async function misbehavingServer(...first: Behaviour[]): Promise<MisbehavingServer> {
  const requests: Received[] = [];
  const sockets = new Set<Socket>();
  let script = first;
  const next = () => (script.length > 1 ? script.shift() : script[0]) ?? hang;

  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    // Clients disconnect in the middle; the tests cause that.
    socket.on('error', () => {});
    if (script[0]?.connected) {
      next().connected?.(socket);
      return;
    }
    let buffer = '';
    socket.setEncoding('latin1').on('data', (chunk: string) => {
      buffer += chunk;
      for (let taken = takeRequest(buffer); taken; taken = takeRequest(buffer)) {
        buffer = buffer.slice(taken.length);
        requests.push(taken.request);
        next().asked?.(socket, taken.request);
      }
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    script(...behaviours) {
      script = behaviours;
    },
    async close() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}

/** The address of a port without a listener. */
export async function closedPort(): Promise<string> {
  const server = await misbehavingServer(hang);
  await server.close();
  return server.url;
}

/** Never answers. */
export const hang: Behaviour = {};

/** Resets the connection at once, perhaps before the client knows that it is open. */
export const resetAtOnce: Behaviour = { connected: (socket) => socket.resetAndDestroy() };

/** Resets the connection when the first bytes of the request have arrived. */
export const resetBeforeReading: Behaviour = {
  connected: (socket) => socket.once('readable', () => socket.resetAndDestroy()),
};

/** Resets the connection after the request was read, and perhaps processed. */
export const resetAfterReading: Behaviour = { asked: (socket) => socket.resetAndDestroy() };

/** Closes the connection cleanly, without an answer. */
export const closeWithoutAnswer: Behaviour = { asked: (socket) => socket.end() };

/** A complete, valid answer. */
export function answer(
  status: number,
  headers: Record<string, string>,
  body: string | object = '',
): Behaviour {
  return {
    asked: (socket) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      socket.write(
        head(status, { 'Content-Length': String(Buffer.byteLength(text)), ...headers }) + text,
      );
    },
  };
}

/** An informational answer, which is no answer yet, and then another behaviour. */
export function earlyHints(then: Behaviour): Behaviour {
  return {
    asked: (socket, request) => {
      socket.write(head(103, { Link: '</style.css>; rel=preload' }));
      then.asked?.(socket, request);
    },
  };
}

/**
 * An answer that announces more than it sends; then the connection ends, is reset, or stays open.
 */
export function truncated(
  status: number,
  headers: Record<string, string>,
  then: 'end' | 'reset' | 'hang' = 'end',
  sent = '{"id":',
): Behaviour {
  return {
    asked: (socket) => {
      socket.write(head(status, { 'Content-Length': '1000', ...headers }) + sent, () => {
        if (then === 'end') socket.end();
        // A reset discards what the client has not read yet, so the client gets time to read the
        // head.
        if (then === 'reset') setTimeout(() => socket.resetAndDestroy(), 30);
      });
    },
  };
}

/** An answer whose body arrives byte by byte and never ends, too fast for an idle time-out. */
export function drip(status: number, headers: Record<string, string>): Behaviour {
  return {
    asked: (socket) => {
      socket.write(head(status, { 'Content-Length': '100000', ...headers }));
      every20ms(socket, ' ');
    },
  };
}

/** Endless header lines, so that even the status cannot be used. */
export const dripHead: Behaviour = {
  asked: (socket) => {
    socket.write('HTTP/1.1 200 OK\r\n');
    every20ms(socket, 'X-A: b\r\n');
  },
};

/** Not HTTP. */
export const noise: Behaviour = { asked: (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n') };

function every20ms(socket: Socket, text: string): void {
  const timer = setInterval(() => socket.write(text), 20);
  socket.on('close', () => clearInterval(timer));
}

function head(status: number, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} Whatever\r\n${lines.join('')}\r\n`;
}

function takeRequest(buffer: string): { request: Received; length: number } | undefined {
  const headEnd = buffer.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [first = '', ...lines] = buffer.slice(0, headEnd).split('\r\n');
  const headers = Object.fromEntries(
    lines.map((line) => {
      const colon = line.indexOf(':');
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }),
  );
  const length = headEnd + 4 + Number(headers['content-length'] ?? 0);
  if (buffer.length < length) return undefined;
  const [method = '', path = ''] = first.split(' ');
  const body = Buffer.from(buffer.slice(headEnd + 4, length), 'latin1').toString('utf8');
  return { request: { method, path, headers, body }, length };
}
