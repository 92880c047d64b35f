import { connect, createServer, type Socket } from 'node:net';

/** A proxy that breaks connections as networks do. */
export interface TcpProxy {
  /** The target's URL through the proxy. */
  url: string;
  /** The number of open connections. */
  connections(): number;
  /**
   * Stops all traffic in both directions without closing connections; new connections hang as well.
   */
  freeze(): void;
  /** Makes the present connections silent for ever; new ones work. */
  silence(): void;
  /** Resets connections on both sides, and refuses new ones. */
  cut(): void;
  /** Resets connections on this side only; the server does not notice. */
  cutHere(): void;
  /** Restores normal operation, and delivers what was held back. */
  heal(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a loopback port. */
export async function startProxy(target: string): Promise<TcpProxy> {
  const far = new URL(target);
  const pairs = new Set<{ near: Socket; far: Socket; deaf: boolean }>();
  let state: 'open' | 'frozen' | 'cut' = 'open';

  const server = createServer((near) => {
    if (state === 'cut') return void near.resetAndDestroy();
    const pair = { near, far: connect(Number(far.port), far.hostname), deaf: false };
    pairs.add(pair);
    for (const [from, to] of [
      [pair.near, pair.far],
      [pair.far, pair.near],
    ] as const) {
      // Broken connections are what the tests cause.
      from.on('error', () => {});
      from.on('data', (chunk) => {
        if (!pair.deaf && !to.destroyed) to.write(chunk);
      });
      from.on('close', () => {
        if (to === pair.near || !half.has(pair)) to.destroy();
        if (pair.near.destroyed && pair.far.destroyed) pairs.delete(pair);
      });
      if (state === 'frozen') from.pause();
    }
  });
  // Connections whose far side stays open without the near one.
  const half = new WeakSet<object>();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = new URL(target);
  url.hostname = '127.0.0.1';
  url.port = String((server.address() as { port: number }).port);

  const sockets = () => [...pairs].flatMap((pair) => [pair.near, pair.far]);
  return {
    url: url.href,
    connections: () => pairs.size,
    freeze() {
      state = 'frozen';
      for (const socket of sockets()) socket.pause();
    },
    silence() {
      for (const pair of pairs) pair.deaf = true;
    },
    cut() {
      state = 'cut';
      for (const socket of sockets()) socket.resetAndDestroy();
    },
    cutHere() {
      for (const pair of pairs) {
        half.add(pair);
        pair.near.resetAndDestroy();
      }
    },
    heal() {
      state = 'open';
      for (const socket of sockets()) socket.resume();
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets()) socket.destroy();
      await closed;
    },
  };
}
