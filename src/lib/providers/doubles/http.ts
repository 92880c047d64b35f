import type { IncomingHttpHeaders } from 'node:http';

/** A request with its whole body. */
export interface SandboxRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
}

/** An answer, before it is written (or withheld, or spoilt). */
export interface SandboxAnswer {
  status: number;
  headers?: Record<string, string>;
  /** Sent as JSON; a string is sent as it is. */
  body?: unknown;
}
