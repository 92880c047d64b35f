import { addressOf } from './address.ts';

/** Which database the settings mean and how to look after it, in words without its password. */
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
    return { where: dataDir, hint: 'It is the embedded database. See: donations db status' };
  }
  const where = hostOf(databaseUrl);
  return { where, hint: `Check DATABASE_URL, which names ${where}.` };
}

/** Why a connection URL cannot be read as it was meant; undefined when it can. */
export function urlProblem(databaseUrl: string): string | undefined {
  const url = parseUnambiguous(databaseUrl);
  return url && isDecodable(url)
    ? undefined
    : 'cannot be read: in user and password write %23 for #, %2F for /, %3F for ?, %40 for @ and %25 for %';
}

const MAX_URL = 4096;
const SECRET_NAME = /pass|secret|token|key$/i;

/** A URL that may be shown: without a password, wherever it has one. */
export function withoutPassword(text: string): string {
  const url = parseUnambiguous(text);
  if (!url) {
    // Where the password ends cannot be told, so nothing that may be part of it is shown.
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

/** The URL, if one @ at most ends its user and password; undefined when it may be meant otherwise. */
function parseUnambiguous(text: string): URL | undefined {
  if (text.length > MAX_URL) return undefined;
  // As `pg` does: a user may stand before no host, where a socket's path is given instead.
  const whole = text.replace(/^(postgres(?:ql)?:\/\/[^/?#]*)@\//i, '$1@localhost/');
  if (!URL.canParse(whole)) return undefined;
  const { pathname, search, hash } = new URL(whole);
  // An @ after the host ends a password with an unescaped / ? or #; only in a query's value it may stand.
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

/** A name in a query as the server reads it. */
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
