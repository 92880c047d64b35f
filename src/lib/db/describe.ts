import { addressOf } from './address.ts';

/** Describes the configured database without its password, with a hint what to check. */
export function describeDatabase({
  databaseUrl,
  dataDir,
}: {
  databaseUrl?: string | undefined;
  dataDir: string;
}): {
  where: string;
  hint: string;
} {
  if (databaseUrl === undefined) {
    return { where: dataDir, hint: 'This is the embedded database. See: donations db status' };
  }
  const where = hostOf(databaseUrl);
  return { where, hint: `Check DATABASE_URL, which points to ${where}.` };
}

/** Why a connection URL is invalid or ambiguous; undefined when it is neither. */
export function urlProblem(databaseUrl: string): string | undefined {
  const url = parseUnambiguous(databaseUrl);
  return url && isDecodable(url)
    ? undefined
    : 'cannot be parsed: in the user and password write %23 for #, %2F for /, %3F for ?, %40 for @ and %25 for %';
}

const MAX_URL = 4096;
const SECRET_NAME = /pass|secret|token|key$/i;

/** The URL with every password in it masked. */
export function withoutPassword(text: string): string {
  const url = parseUnambiguous(text);
  if (!url) {
    // The end of the password is ambiguous, so everything that could be part of it is masked.
    const end = text.slice(text.lastIndexOf('@'));
    const host = /^@[\w.-]+(:\d+)?(\/[\w-]*)?$/.exec(end)?.[0] ?? '';
    return `${/^[a-z]+:\/\//i.exec(text)?.[0] ?? ''}****${host}`;
  }
  const secrets = [...url.searchParams.keys()].filter((name) => SECRET_NAME.test(name));
  return text
    .replace(/^([a-z]+:\/\/[^:/?#@]*):[^/?#@]*@/i, '$1:****@')
    .replace(/([?&]([^=&#]*)=)[^&#]*/g, (whole, head: string, name: string) =>
      secrets.includes(decoded(name)) ? `${head}****` : whole,
    );
}

/** Parses a URL in which at most one @ ends user and password; undefined when it is ambiguous. */
function parseUnambiguous(text: string): URL | undefined {
  if (text.length > MAX_URL) return undefined;
  // Like `pg`, accepts a user without a host: the path of a socket then stands in the query.
  const whole = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*)@\//i, '$1@localhost/');
  if (!URL.canParse(whole)) return undefined;
  const { pathname, search, hash } = new URL(whole);
  // An @ after the host means that a password contains an unescaped / ? or #. Only the value of a
  // query parameter may contain an @.
  if (`${pathname}${hash}`.includes('@')) return undefined;
  const at = search.indexOf('@');
  if (at >= 0 && (pathname === '' || search.lastIndexOf('/') > at)) return undefined;
  const [head = ''] = whole.split(/[?#]/, 1);
  return head.indexOf('@') === head.lastIndexOf('@') ? new URL(whole) : undefined;
}

function isDecodable({ username, password, hostname, pathname }: URL): boolean {
  try {
    return [username, password, hostname, pathname].every(
      (part) => !decodeURIComponent(part).includes('\0'),
    );
  } catch {
    return false;
  }
}

/** Decodes the name of a query parameter as the server does. */
function decoded(name: string): string {
  return new URLSearchParams(`${name}=`).keys().next().value ?? name;
}

function hostOf(databaseUrl: string): string {
  const address = parseUnambiguous(databaseUrl) && addressOf(databaseUrl);
  if (!address) return 'the address in DATABASE_URL';
  return address.server.startsWith('/')
    ? `the socket in ${address.server}, database ${address.database}`
    : `${address.server}/${address.database}`;
}
