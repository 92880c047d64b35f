// The name that stands in for one that is not there: a URL with a user and no host is none to WHATWG.
const NO_HOST = 'no-host.invalid';

/**
 * Where a Postgres URL leads, without user and password: `host:port`, or the folder of the Unix
 * socket; undefined when it cannot be read.
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
