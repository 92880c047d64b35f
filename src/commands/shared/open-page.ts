import { type Io, print, say } from '../../lib/output/io.ts';

const OPENERS: Partial<Record<NodeJS.Platform, string>> = { darwin: 'open', win32: 'explorer' };

/** Has the system open a web page or a file of one; where it cannot, the person gets the address. */
export async function openPage(io: Io, address: string): Promise<void> {
  const { spawn } = await import('node:child_process');
  const opener = OPENERS[process.platform] ?? 'xdg-open';
  const opened = await new Promise<boolean>((resolve) => {
    const child = spawn(opener, [address], { stdio: 'ignore', detached: true });
    child.once('spawn', () => resolve(true)).once('error', () => resolve(false));
    child.unref();
  });
  say(io, opened ? `Opened ${address}` : `Nothing here opens a browser. The page: ${address}`);
}

/** On a terminal opens a web page; off one prints its address. */
export async function openOrPrint(io: Io, address: string): Promise<void> {
  if (io.stdout.isTTY) await openPage(io, address);
  else print(io, address);
}
