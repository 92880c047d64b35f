import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HttpAnswer } from '../http/server.ts';
import type { Answer } from './double.ts';

/** How the answer to an executed request is lost or damaged. */
export type Spoiling = 'timeouts' | 'resetAfterProcessing' | 'html' | 'truncated' | 'drip';

const DRIP_MS = 100;
// A dripping answer must outlast every time-out, even if the real answer has no body.
const DRIP_BYTES = 6000;

const HTML =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n';

/**
 * Applies a fault to the answer: returns another one, or none when the response was broken here.
 */
export async function spoilAnswer(
  response: ServerResponse,
  answer: Answer,
  spoiling: Spoiling,
): Promise<HttpAnswer | undefined> {
  switch (spoiling) {
    case 'timeouts':
      // The connection stays open until the client gives up.
      return undefined;
    case 'resetAfterProcessing':
      response.socket?.resetAndDestroy();
      return undefined;
    case 'html':
      return { status: 502, headers: { 'Content-Type': 'text/html' }, body: HTML };
    case 'truncated':
      truncate(response, answer);
      return undefined;
    case 'drip':
      await drip(response, answer);
      return undefined;
  }
}

function truncate(response: ServerResponse, { status, headers, body }: Answer): void {
  const whole = Buffer.from(body || '{"truncated":true}');
  response.writeHead(status, { ...headers, 'Content-Length': whole.length });
  response.write(whole.subarray(0, whole.length / 2), () => response.destroy());
}

async function drip(response: ServerResponse, { status, headers, body }: Answer): Promise<void> {
  const whole = Buffer.from(body.padEnd(DRIP_BYTES));
  response.writeHead(status, { ...headers, 'Content-Length': whole.length });
  for (const byte of whole) {
    if (response.destroyed) return;
    response.write(Buffer.of(byte));
    await sleep(DRIP_MS, undefined, { ref: false });
  }
  response.end();
}
