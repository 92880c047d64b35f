import type { Config } from '../config.ts';
import { resolveRules } from '../health/rule-settings.ts';
import type { DeliverOptions } from './deliver.ts';
import type { EvaluateOptions } from './evaluate.ts';
import type { RouteDeps } from './send.ts';

/** What evaluating and delivering need, by the settings. */
export function watchOptions(
  config: Config,
  deps: Omit<RouteDeps, 'from'>,
): EvaluateOptions & DeliverOptions {
  const { organization, databaseUrl, dataDir, mode, health, alerts, receipts } = config;
  return {
    ...deps,
    from: receipts.from,
    rules: resolveRules(health.rules),
    routes: alerts.routes,
    timeZone: organization.timeZone,
    locale: organization.locale,
    dataDir: databaseUrl === undefined ? dataDir : undefined,
    mode,
  };
}
