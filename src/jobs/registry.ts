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

/** Every task by its name. */
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
 * Asks the provider behind a task whether it is well, and whether the key may do what the task does;
 * throws if it is not. (What else can be refused only the next job shows; then the task is paused
 * again, and probed later than the time before.)
 */
export async function probeProvider(
  { payments, mail }: Pick<TaskDeps, 'payments' | 'mail'>,
  task: string,
): Promise<void> {
  const provider = TASKS[task as TaskName]?.provider;
  if (provider === 'stripe')
    await payments.ping(task === 'tokenize_card' ? 'customers' : 'payments');
  // It asks whether the key may send, and whether mail may come from the sender.
  if (provider === 'sendgrid') await mail.ping();
}
