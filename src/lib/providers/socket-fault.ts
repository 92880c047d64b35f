/** Why a request got no answer. */
export interface SocketFault {
  /** The code of Node or OpenSSL: `ECONNREFUSED`, `CERT_HAS_EXPIRED`. */
  code: string | undefined;
  /** True only when it is certain that no byte of the request was sent. */
  notSent: boolean;
  /** The cause is TLS: the certificate of the server, or our trust in it. */
  tls: boolean;
}

// Codes that only occur before a connection is made. EHOSTUNREACH and ENETUNREACH can also occur
// after the request was sent; for them, `syscall` decides.
const NOT_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'UND_ERR_CONNECT_TIMEOUT'];

// Node's names of OpenSSL's verification failures, which occur before the request is sent.
// https://nodejs.org/api/tls.html#x509-certificate-error-codes
const CERTIFICATE =
  /^(CERT_|CRL_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_CA|INVALID_PURPOSE|HOSTNAME_MISMATCH|PATH_LENGTH_|ERR_TLS_CERT_)/;
const TLS_PROTOCOL = /^(EPROTO$|ERR_SSL_|ERR_TLS_)/;

/**
 * Finds the socket's error inside the wrappers of HTTP clients and SDKs. Reads only its code,
 * because the wrappers contain keys and bodies.
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
  /** The nested errors of Error, AggregateError, and the Stripe SDK. */
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
