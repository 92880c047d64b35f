/** The route's value and the path segment of each `:name`; or why there is none. */
export type Match<T> =
  | { value: T; params: string[] }
  /** The path exists, but only for these methods. */
  | { allow: string[] }
  | undefined;

/** Finds the route of a request. */
export type Router<T> = (method: string, path: string) => Match<T>;

/**
 * A router over patterns such as `POST /v1/customers/:id`. A `:name` matches one path segment. The
 * path is split before it is decoded, so `%2F` is part of a segment.
 */
export function router<T>(routes: readonly (readonly [pattern: string, value: T])[]): Router<T> {
  const compiled = routes.map(([pattern, value]) => {
    const [method = '', path = ''] = pattern.split(' ');
    return { method, segments: path.split('/'), value };
  });
  return (method, path) => {
    const segments = path.split('/');
    const there = compiled.filter((route) => fits(route.segments, segments));
    if (there.length === 0) return undefined;
    const route = there.find((one) => one.method === method);
    if (!route) return { allow: [...new Set(there.map((one) => one.method))] };
    const params = segments.filter((_, at) => route.segments[at]?.startsWith(':')).map(decode);
    return { value: route.value, params };
  };
}

const fits = (pattern: string[], path: string[]) =>
  pattern.length === path.length &&
  pattern.every((part, at) => (part.startsWith(':') ? path[at] !== '' : part === path[at]));

/** A segment with a broken encoding is not decoded; no object has such a name. */
function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
