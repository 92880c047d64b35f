// WHATWG URLs cannot have a user without a host, so this placeholder fills an empty host.
const NO_HOST = 'no-host.invalid';

/**
 * The server and database of a Postgres URL, without user and password. The server is `host:port`
 * or the directory of the Unix socket. Undefined when the URL cannot be parsed.
 */
export function addressOf(databaseUrl: string): { server: string; database: string } | undefined {
  let url: URL;
  try {
    url = new URL(databaseUrl.replace(/^(\w+:\/\/(?:[^/?#]*@)?)(?=[/?#]|$)/, `$1${NO_HOST}`));
  } catch {
    return undefined;
  }
  const port = url.port || url.searchParams.get('port');
  const named = decode(url.hostname === NO_HOST ? '' : url.hostname);
  const host = url.searchParams.get('host') || named || 'localhost';
  return {
    server: host.startsWith('/') || !port ? host : `${host}:${port}`,
    database: decode(url.pathname.slice(1)),
  };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
