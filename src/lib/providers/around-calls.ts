export interface ProviderCall {
  provider: 'stripe' | 'sendgrid';
  /** The gateway's method. */
  operation: string;
}

/** Something to do around each call of a provider; it returns or throws what the call does. */
export type AroundCall = <T>(call: ProviderCall, work: () => Promise<T>) => Promise<T>;

type Method = (...args: unknown[]) => Promise<unknown>;

/** The same gateway, whose calls go through `around`. */
export function aroundCalls<Gateway extends object>(
  gateway: Gateway,
  provider: ProviderCall['provider'],
  around: AroundCall,
): Gateway {
  const methods = Object.entries(gateway as Record<string, Method>);
  return Object.fromEntries(
    methods.map(([operation, method]) => [
      operation,
      (...args: unknown[]) => around({ provider, operation }, () => method(...args)),
    ]),
  ) as Gateway;
}
