import { once } from 'node:events';
import { Command } from 'commander';
import { print } from '../../lib/output/io.ts';
import { chosenFormat, fieldsOf, type OutputOptions } from '../../lib/output/render.ts';
import { parseCount } from '../../lib/parse.ts';
import type { WebhookHandler } from '../../lib/webhooks/handler.ts';
import type { Context } from '../context.ts';
import { examples } from '../shared/examples.ts';
import { withOutput } from '../shared/output-options.ts';
import { refuseCsv } from '../shared/watch.ts';
import { writeLife } from '../shared/write-result.ts';
import { type Endpoints, openEndpoints, PATHS } from './shared/endpoints.ts';

const FIELDS = fieldsOf('status', 'stripe_webhook_url', 'sendgrid_webhook_url');

interface Options extends OutputOptions {
  port: string;
  host: string;
}

/** `donations webhooks listen`: receives signed events of the providers until it is stopped. */
export function webhooksListenCommand(context: Context): Command {
  const command = new Command('listen')
    .description('receive signed events from Stripe and SendGrid, as evidence, until stopped')
    .option('--port <n>', 'the port; 0 for any free one', '4242')
    .option(
      '--host <address>',
      'the address to listen on; use a TLS proxy in front of it',
      '127.0.0.1',
    );
  return examples(withOutput(command, FIELDS), [
    ['donations webhooks listen', 'on loopback, for the sandbox or a proxy on this machine'],
    ['donations webhooks listen --host 0.0.0.0 --port 8080', 'for a proxy elsewhere'],
  ]).action((options: Options) => listen(context, options));
}

async function listen(context: Context, options: Options): Promise<void> {
  refuseCsv(options, 'webhooks listen');
  const port = parseCount(options.port, { min: 0, max: 65_535 });
  const endpoints = await openEndpoints(context);
  const [{ startWebhookServer }, { watchLateHolds }] = await Promise.all([
    import('../../lib/webhooks/server.ts'),
    import('../../lib/webhooks/late-holds.ts'),
  ]);
  const db = await context.db();
  const log = await context.log();
  const routes = await routesFor(context, endpoints);
  context.stopsByItself = true;
  const server = await startWebhookServer({
    ...{ host: options.host, port, routes, log },
    telemetry: await context.telemetry(),
  });
  const stopWatching = watchLateHolds(db, log);
  try {
    const unregister = await endpoints.register(server.url);
    const urlOf = (path: string) => (routes[path] ? `${server.url}${path}` : null);
    const urls = {
      stripe_webhook_url: urlOf(PATHS.stripe),
      sendgrid_webhook_url: urlOf(PATHS.sendgrid),
    };
    writeLife(context.io, options, FIELDS, { status: 'running', ...urls });
    if (chosenFormat(options).format === 'table')
      for (const url of Object.values(urls)) if (url) print(context.io, url);
    log.info(`listening on ${server.url}`);
    if (!context.signal.aborted) await once(context.signal, 'abort');
    log.info('stopping: requests in progress are finished first');
    await unregister().catch(() => {});
    writeLife(context.io, options, FIELDS, { status: 'stopped', ...urls });
  } finally {
    await server.close();
    await stopWatching();
  }
}

async function routesFor(context: Context, { stripeSecret, sendgridPublicKey }: Endpoints) {
  const deps = { db: await context.db(), log: await context.log(), clock: context.clock };
  const routes: Record<string, WebhookHandler> = {};
  if (stripeSecret) {
    const { stripeWebhook } = await import('../../lib/webhooks/stripe-events.ts');
    routes[PATHS.stripe] = stripeWebhook({ ...deps, secret: stripeSecret });
  }
  if (sendgridPublicKey) {
    const { sendgridWebhook } = await import('../../lib/webhooks/sendgrid-events.ts');
    routes[PATHS.sendgrid] = sendgridWebhook({ ...deps, publicKey: sendgridPublicKey });
  }
  return routes;
}
