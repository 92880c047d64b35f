import type { Clock } from '../lib/clock.ts';
import type { Config } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import type { MailGateway } from '../lib/providers/mail.ts';
import type { PaymentGateway } from '../lib/providers/payments.ts';
import { TASKS, type TaskName } from '../lib/queue/tasks.ts';
import type { ReceiptTemplates } from '../lib/receipts/templates.ts';
import { chargeCard } from './charge-card.ts';
import { sendReceipt } from './send-receipt.ts';
import type { Task } from './task.ts';
import { tokenizeCard } from './tokenize-card.ts';

export interface TaskDeps {
  db: Db;
  payments: PaymentGateway;
  mail: MailGateway;
  config: Config;
  clock: Clock;
  templates: ReceiptTemplates;
}

/** All tasks by name. */
export function allTasks(deps: TaskDeps): Record<TaskName, Task> {
  const charge = chargeCard(deps) as Task;
  return {
    charge_card: charge,
    settle_donation: charge,
    tokenize_card: tokenizeCard(deps) as Task,
    send_receipt: sendReceipt(deps) as Task,
  };
}

/**
 * Calls the provider of a task to check that it works and that the key has the rights that the task
 * needs; throws if not. Other refusals only show when the next job runs. Then the task is paused
 * again, and probed after a longer delay.
 */
export async function probeProvider(
  { payments, mail }: Pick<TaskDeps, 'payments' | 'mail'>,
  task: string,
): Promise<void> {
  const provider = TASKS[task as TaskName]?.provider;
  if (provider === 'stripe')
    await payments.ping(task === 'tokenize_card' ? 'customers' : 'payments');
  // The ping also checks that the key may send mail and that the sender is allowed.
  if (provider === 'sendgrid') await mail.ping();
}
