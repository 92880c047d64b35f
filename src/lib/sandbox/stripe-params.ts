import { invalidParameter } from './stripe-errors.ts';

/** Form parameters with brackets resolved: `a[b]=1` is `{ a: { b: '1' } }`. */
export interface StripeParams {
  [name: string]: string | string[] | StripeParams;
}

/**
 * The parameters of an endpoint. `text` is one value, `texts` a list. `anything` is accepted
 * without a check.
 */
export interface ParamSpec {
  [name: string]: 'text' | 'texts' | 'anything' | ParamSpec;
}

/**
 * Parses `application/x-www-form-urlencoded` with Stripe's brackets, and refuses parameters that
 * the endpoint does not have.
 * @throws StripeFailure `parameter_unknown`
 */
export function readParams(encoded: string, spec: ParamSpec): StripeParams {
  // Without a prototype, because a parameter may have any name.
  const params: StripeParams = Object.create(null);
  for (const [name, value] of new URLSearchParams(encoded)) {
    // `a[b][c]`; a list is `a[0]` or `a[]`.
    const path = name.replace(/\]$/, '').split(/\]?\[/);
    const last = path.pop() as string;
    let at = params;
    for (const part of path) {
      at[part] ??= Object.create(null) as StripeParams;
      if (typeof at[part] === 'string') throw invalidParameter(`Invalid parameter: ${name}`, name);
      at = at[part] as StripeParams;
    }
    at[last || String(Object.keys(at).length)] = value;
  }
  check(params, { expand: 'texts', ...spec }, '');
  return params;
}

/** Refuses unknown parameters, and converts lists. */
function check(params: StripeParams, spec: ParamSpec, prefix: string): void {
  for (const [name, value] of Object.entries(params)) {
    const full = prefix ? `${prefix}[${name}]` : name;
    const known = Object.hasOwn(spec, name) ? spec[name] : undefined;
    if (known === undefined) {
      throw invalidParameter(`Received unknown parameter: ${full}`, full, 'parameter_unknown');
    }
    if (known === 'anything') continue;
    if (known === 'text') {
      if (typeof value !== 'string') throw invalidParameter('Invalid string', full);
    } else if (typeof value === 'string') {
      // An empty text unsets a list or a group.
      if (value !== '')
        throw invalidParameter(known === 'texts' ? 'Invalid array' : 'Invalid object', full);
    } else if (known === 'texts') {
      params[name] = Object.values(value).map(String);
    } else {
      check(value as StripeParams, known, full);
    }
  }
}

/** A text, or undefined if it is absent. @throws StripeFailure for an empty one. */
export function text(params: StripeParams, name: string): string | undefined {
  const value = params[name];
  if (typeof value !== 'string') return undefined;
  if (value === '') {
    throw invalidParameter(
      `You passed an empty string for '${name}'. We assume empty values are an attempt to unset a parameter; however '${name}' cannot be unset.`,
      name,
      'parameter_invalid_empty',
    );
  }
  return value;
}

/** A required text. @throws StripeFailure `parameter_missing` */
export function requiredText(params: StripeParams, name: string): string {
  const value = text(params, name);
  if (value === undefined) {
    throw invalidParameter(`Missing required param: ${name}.`, name, 'parameter_missing');
  }
  return value;
}

/** A whole number. @throws StripeFailure `parameter_invalid_integer` */
export function integer(params: StripeParams, name: string): number | undefined {
  const value = text(params, name);
  if (value === undefined) return undefined;
  if (!/^-?\d{1,15}$/.test(value)) {
    throw invalidParameter(`Invalid integer: ${value}`, name, 'parameter_invalid_integer');
  }
  return Number(value);
}

/** A boolean; false if it is absent. */
export function flag(params: StripeParams, name: string): boolean {
  const value = text(params, name);
  if (value !== undefined && value !== 'true' && value !== 'false') {
    throw invalidParameter(`Invalid boolean: ${value}`, name);
  }
  return value === 'true';
}

/** Nested parameters; empty if absent. */
export function group(params: StripeParams, name: string): StripeParams {
  const value = params[name];
  return typeof value === 'object' && !Array.isArray(value) ? value : {};
}

/** One of the allowed values. */
export function choice<T extends string>(
  params: StripeParams,
  name: string,
  choices: T[],
): T | undefined {
  const value = text(params, name);
  if (value === undefined || choices.includes(value as T)) return value as T | undefined;
  throw invalidParameter(`Invalid ${name}: must be one of ${choices.join(', ')}`, name);
}

/** `metadata`, within the limits of https://docs.stripe.com/api/metadata. */
export function metadata(params: StripeParams): Record<string, string> {
  const entries = Object.entries(group(params, 'metadata'));
  if (entries.length > 50) throw invalidParameter('Metadata can have at most 50 keys.', 'metadata');
  for (const [key, value] of entries) {
    const param = `metadata[${key}]`;
    if (typeof value !== 'string') throw invalidParameter('Invalid string', param);
    if (key.length > 40) {
      throw invalidParameter(`Metadata keys can have up to 40 characters: ${key}`, param);
    }
    if (value.length > 500) {
      throw invalidParameter('Metadata values can have up to 500 characters.', param);
    }
  }
  // An empty value unsets a key.
  return Object.fromEntries(entries.filter(([, value]) => value !== '')) as Record<string, string>;
}
