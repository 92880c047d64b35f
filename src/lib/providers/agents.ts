import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';

export interface Agents {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
}

// Shorter than the keep-alive of servers: when a server closes a connection just as a request is
// sent, the outcome is unknown.
const IDLE_SOCKET_MS = 4000;

/**
 * Keep-alive agents that close a connection if it is not ready within `connectMs`, TLS included.
 * Every error before that has `syscall: 'connect'`, which proves that nothing was sent. The usual
 * time-out leaves this open.
 */
export function keepAliveAgents(connectMs: number): Agents {
  const options = { keepAlive: true, timeout: IDLE_SOCKET_MS };
  return {
    httpAgent: watchConnecting(new HttpAgent(options), 'connect', connectMs),
    httpsAgent: watchConnecting(new HttpsAgent(options), 'secureConnect', connectMs),
  };
}

type Connect = (options: object, callback?: unknown) => Socket;

function watchConnecting<A extends HttpAgent>(agent: A, ready: string, connectMs: number): A {
  const watched = agent as A & { createConnection: Connect };
  const connect: Connect = watched.createConnection.bind(agent);
  watched.createConnection = (options, callback) => {
    const socket = connect(options, callback);
    const timer = setTimeout(
      () => socket.destroy(Object.assign(new Error('connect timed out'), { code: 'ETIMEDOUT' })),
      connectMs,
    );
    const mark = (error: NodeJS.ErrnoException) => {
      error.syscall = 'connect';
    };
    socket.once('error', mark);
    socket.once('close', () => clearTimeout(timer));
    socket.once(ready, () => {
      clearTimeout(timer);
      socket.off('error', mark);
    });
    return socket;
  };
  return agent;
}
