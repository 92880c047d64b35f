import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';

export interface Agents {
  httpAgent: HttpAgent;
  httpsAgent: HttpsAgent;
}

// Shorter than servers keep idle connections: one that they close just as we send is an unknown outcome.
const IDLE_SOCKET_MS = 4000;

/**
 * Keep-alive agents whose connections are given up when they are not ready within `connectMs`, TLS
 * included. Every error before that says `syscall: 'connect'`, so that it is known that nothing was
 * sent, where the usual time-out leaves it open.
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
