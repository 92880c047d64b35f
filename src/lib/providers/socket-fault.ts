/** Why a connection gave no answer. */
export interface SocketFault {
  /** Node's or OpenSSL's code: `ECONNREFUSED`, `CERT_HAS_EXPIRED`. */
  code: string | undefined;
  /** True only when it is certain that not one byte of the request was sent. */
  notSent: boolean;
  /** TLS, the other side's certificate or our trust in it is at fault. */
  tls: boolean;
}

// Codes that only come before a connection is made. EHOSTUNREACH and ENETUNREACH are not among them:
// the route can also be lost after the request was sent. `syscall` tells which it was.
const NOT_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'UND_ERR_CONNECT_TIMEOUT'];

// Node's names for OpenSSL's verification failures: the request is sent only after the verification.
// https://nodejs.org/api/tls.html#x509-certificate-error-codes
const CERTIFICATE =
  /^(CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_|ERR_TLS_CERT_)/;
const TLS_PROTOCOL = /^(EPROTO$|ERR_SSL_|ERR_TLS_)/;

/**
 * Finds the socket's own error inside what an HTTP client or SDK wrapped around it. Only its code
 * is read, as the wrappers hold keys and bodies.
 */
export function socketFault(error: unknown): SocketFault {
  const chain = unwrap(error);
  const code = chain.map((each) => each.code).find((each) => typeof each === 'string');
  const syscall = chain.map((each) => each.syscall).find((each) => typeof each === 'string');
  const certificate = CERTIFICATE.test(code ?? '');
  return {
    code,
    tls: certificate || TLS_PROTOCOL.test(code ?? ''),
    notSent:
      certificate ||
      syscall === 'connect' ||
      syscall === 'getaddrinfo' ||
      NOT_SENT.includes(code ?? ''),
  };
}

interface Wrapper {
  code?: string;
  syscall?: string;
  /** Where the next one is: Error's, AggregateError's, and two of the Stripe SDK's. */
  cause?: unknown;
  errors?: unknown[];
  detail?: unknown;
  exception?: unknown;
}

function unwrap(error: unknown): Wrapper[] {
  const chain: Wrapper[] = [];
  let next = error;
  while (typeof next === 'object' && next !== null && chain.length < 6) {
    const wrapper: Wrapper = next;
    chain.push(wrapper);
    next = wrapper.cause ?? wrapper.detail ?? wrapper.exception ?? wrapper.errors?.[0];
  }
  return chain;
}
