import type { Db } from '../../../lib/db/database.ts';
import { combineMeters, type Meter, measuredCalls } from '../../../lib/metrics/meter.ts';
import type { Metrics } from '../../../lib/metrics/metrics.ts';
import { createQueueLook } from '../../../lib/metrics/queue-look.ts';
import { aroundCalls } from '../../../lib/providers/around-calls.ts';
import type { MailGateway } from '../../../lib/providers/mail.ts';
import type { PaymentGateway } from '../../../lib/providers/payments.ts';
import type { Telemetry } from '../../../lib/telemetry/telemetry.ts';
import type { Context } from '../../context.ts';

export interface Observation {
  telemetry: Telemetry | undefined;
  /** What `/metrics` serves; undefined without `--metrics-port`. */
  metrics: Metrics | undefined;
  meter: Meter | undefined;
  payments: PaymentGateway;
  mail: MailGateway;
}

/** Measures and traces a worker, as far as it was asked for, with its calls of providers. */
export async function observe(
  context: Context,
  db: Db,
  { withMetrics, meters }: { withMetrics: boolean; meters: Meter[] },
): Promise<Observation> {
  const queue = createQueueLook(db);
  const telemetry = await context.telemetry();
  const metrics = withMetrics ? await makeMetrics() : undefined;
  const meter = combineMeters([
    ...meters,
    ...(metrics ? [metrics] : []),
    ...(telemetry ? [await telemetry.measure(queue)] : []),
  ]);
  const [payments, mail] = [await context.payments(), await context.mail()];
  return {
    ...{ telemetry, metrics, meter },
    payments: meter ? aroundCalls(payments, 'stripe', measuredCalls(meter)) : payments,
    mail: meter ? aroundCalls(mail, 'sendgrid', measuredCalls(meter)) : mail,
  };

  async function makeMetrics(): Promise<Metrics> {
    const { createMetrics } = await import('../../../lib/metrics/metrics.ts');
    const { mode } = await context.config();
    return createMetrics({ db, queue, version: context.version, mode });
  }
}
