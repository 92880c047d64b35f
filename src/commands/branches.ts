import type { Command } from 'commander';
import type { Context } from './context.ts';

type MakeCommand = (context: Context) => Command;
type Load = () => Promise<MakeCommand>;

interface Named {
  name: string;
  group: string;
}
/** `donations <name>`. */
export interface Leaf extends Named {
  load: Load;
}
/** `donations <name> <verb>`. */
export interface Noun extends Named {
  description: string;
  verbs: Load[];
  /** The verb that runs when none is given. */
  bare?: string;
  /** Verbs for internal processes, which the help omits. */
  hidden?: Load[];
}

const EVERYDAY = 'Donations:';
const QUEUE = 'Background jobs:';
export const SETUP = 'Set-up:';
/** The headings of the help, in its order. */
export const GROUPS = [EVERYDAY, QUEUE, SETUP];

/** The commands, in the order of the help. Each is a module, loaded only if the command line names its branch. */
export const BRANCHES: (Leaf | Noun)[] = [
  { name: 'demo', group: EVERYDAY, load: async () => (await import('./demo.ts')).demoCommand },
  {
    name: 'donate',
    group: EVERYDAY,
    load: async () => (await import('./donate.ts')).donateCommand,
  },
  { name: 'list', group: EVERYDAY, load: async () => (await import('./list.ts')).listCommand },
  { name: 'show', group: EVERYDAY, load: async () => (await import('./show.ts')).showCommand },
  {
    name: 'donors',
    group: EVERYDAY,
    description: 'the people and organisations that give',
    verbs: [
      async () => (await import('./donors/list.ts')).donorsListCommand,
      async () => (await import('./donors/show.ts')).donorsShowCommand,
      async () => (await import('./donors/fix-email.ts')).donorsFixEmailCommand,
      async () => (await import('./donors/gift-aid.ts')).donorsGiftAidCommand,
    ],
  },
  {
    name: 'receipts',
    group: EVERYDAY,
    description: 'receipts and their delivery',
    verbs: [
      async () => (await import('./receipts/list.ts')).receiptsListCommand,
      async () => (await import('./receipts/show.ts')).receiptsShowCommand,
      async () => (await import('./receipts/preview.ts')).receiptsPreviewCommand,
      async () => (await import('./receipts/resend.ts')).receiptsResendCommand,
      async () => (await import('./receipts/resolve.ts')).receiptsResolveCommand,
      async () => (await import('./receipts/void.ts')).receiptsVoidCommand,
      async () => (await import('./receipts/reissue.ts')).receiptsReissueCommand,
      async () => (await import('./receipts/issue.ts')).receiptsIssueCommand,
      async () => (await import('./receipts/print.ts')).receiptsPrintCommand,
      async () => (await import('./receipts/missing.ts')).receiptsMissingCommand,
      async () => (await import('./receipts/replay.ts')).receiptsReplayCommand,
      async () => (await import('./receipts/evidence.ts')).receiptsEvidenceCommand,
    ],
  },
  {
    name: 'statements',
    group: EVERYDAY,
    description: 'the gifts of a year, in one mail a donor',
    verbs: [
      async () => (await import('./statements/send.ts')).statementsSendCommand,
      async () => (await import('./statements/list.ts')).statementsListCommand,
      async () => (await import('./statements/preview.ts')).statementsPreviewCommand,
    ],
  },
  {
    name: 'monitor',
    group: QUEUE,
    load: async () => (await import('./monitor.ts')).monitorCommand,
  },
  {
    name: 'import',
    group: EVERYDAY,
    description: 'gifts from files: checks, cash, wires, other systems',
    verbs: [
      async () => (await import('./import/offline.ts')).importOfflineCommand,
      async () => (await import('./import/check.ts')).importCheckCommand,
      async () => (await import('./import/list.ts')).importListCommand,
      async () => (await import('./import/show.ts')).importShowCommand,
      async () => (await import('./import/rejects.ts')).importRejectsCommand,
      async () => (await import('./import/resume.ts')).importResumeCommand,
      async () => (await import('./import/undo.ts')).importUndoCommand,
      async () => (await import('./import/diff.ts')).importDiffCommand,
      async () => (await import('./import/template.ts')).importTemplateCommand,
      async () => (await import('./import/map.ts')).importMapCommand,
    ],
  },
  {
    name: 'offline',
    group: EVERYDAY,
    description: 'gifts taken with no network, until they are pushed',
    verbs: [
      async () => (await import('./offline/add.ts')).offlineAddCommand,
      async () => (await import('./offline/list.ts')).offlineListCommand,
      async () => (await import('./offline/push.ts')).offlinePushCommand,
    ],
  },
  {
    name: 'worker',
    group: QUEUE,
    description: 'the processes that run the jobs',
    verbs: [
      async () => (await import('./worker/start.ts')).workerStartCommand,
      async () => (await import('./worker/list.ts')).workerListCommand,
    ],
  },
  {
    name: 'cron',
    group: QUEUE,
    description: 'the work that workers repeat by themselves',
    bare: 'list',
    verbs: [async () => (await import('./cron/list.ts')).cronListCommand],
  },
  {
    name: 'health',
    group: QUEUE,
    load: async () => (await import('./health.ts')).healthCommand,
  },
  {
    name: 'report',
    group: QUEUE,
    load: async () => (await import('./report.ts')).reportCommand,
  },
  {
    name: 'alerts',
    group: QUEUE,
    description: 'open problems, and who is notified',
    bare: 'list',
    verbs: [
      async () => (await import('./alerts/list.ts')).alertsListCommand,
      async () => (await import('./alerts/show.ts')).alertsShowCommand,
      async () => (await import('./alerts/ack.ts')).alertsAckCommand,
      async () => (await import('./alerts/silence.ts')).alertsSilenceCommand,
      async () => (await import('./alerts/rules.ts')).alertsRulesCommand,
      async () => (await import('./alerts/test.ts')).alertsTestCommand,
      async () => (await import('./alerts/check.ts')).alertsCheckCommand,
    ],
  },
  {
    name: 'jobs',
    group: QUEUE,
    description: 'the queue',
    verbs: [
      async () => (await import('./jobs/list.ts')).jobsListCommand,
      async () => (await import('./jobs/show.ts')).jobsShowCommand,
      async () => (await import('./jobs/errors.ts')).jobsErrorsCommand,
      async () => (await import('./jobs/stats.ts')).jobsStatsCommand,
      async () => (await import('./jobs/retry.ts')).jobsRetryCommand,
      async () => (await import('./jobs/recall.ts')).jobsRecallCommand,
      async () => (await import('./jobs/discard.ts')).jobsDiscardCommand,
      async () => (await import('./jobs/restore.ts')).jobsRestoreCommand,
      async () => (await import('./jobs/reschedule.ts')).jobsRescheduleCommand,
      async () => (await import('./jobs/pause.ts')).jobsPauseCommand,
      async () => (await import('./jobs/resume.ts')).jobsResumeCommand,
      async () => (await import('./jobs/rescue.ts')).jobsRescueCommand,
      async () => (await import('./jobs/policy.ts')).jobsPolicyCommand,
    ],
  },
  { name: 'logs', group: QUEUE, load: async () => (await import('./logs.ts')).logsCommand },
  {
    name: 'audit',
    group: QUEUE,
    description: 'the audit trail: every change by a person',
    bare: 'list',
    verbs: [
      async () => (await import('./audit/list.ts')).auditListCommand,
      async () => (await import('./audit/show.ts')).auditShowCommand,
    ],
  },
  {
    name: 'webhooks',
    group: QUEUE,
    description: 'events from Stripe and SendGrid',
    verbs: [async () => (await import('./webhooks/listen.ts')).webhooksListenCommand],
  },
  { name: 'init', group: SETUP, load: async () => (await import('./init.ts')).initCommand },
  {
    name: 'db',
    group: SETUP,
    description: 'the database',
    verbs: [
      async () => (await import('./db/start.ts')).dbStartCommand,
      async () => (await import('./db/stop.ts')).dbStopCommand,
      async () => (await import('./db/status.ts')).dbStatusCommand,
      async () => (await import('./db/url.ts')).dbUrlCommand,
      async () => (await import('./db/migrate.ts')).dbMigrateCommand,
      async () => (await import('./db/grant-readonly.ts')).dbGrantReadonlyCommand,
      async () => (await import('./db/reset.ts')).dbResetCommand,
    ],
  },
  {
    name: 'sandbox',
    group: SETUP,
    description: 'the local doubles of Stripe and SendGrid',
    verbs: [
      async () => (await import('./sandbox/start.ts')).sandboxStartCommand,
      async () => (await import('./sandbox/stop.ts')).sandboxStopCommand,
      async () => (await import('./sandbox/status.ts')).sandboxStatusCommand,
      async () => (await import('./sandbox/inbox.ts')).sandboxInboxCommand,
      async () => (await import('./sandbox/fault.ts')).sandboxFaultCommand,
      async () => (await import('./sandbox/refund.ts')).sandboxRefundCommand,
      async () => (await import('./sandbox/webhooks.ts')).sandboxWebhooksCommand,
      async () => (await import('./sandbox/reset.ts')).sandboxResetCommand,
    ],
    hidden: [async () => (await import('./sandbox/serve.ts')).sandboxServeCommand],
  },
  {
    name: 'organization',
    group: SETUP,
    description: 'the organisation that issues receipts',
    verbs: [
      async () => (await import('./organization/show.ts')).organizationShowCommand,
      async () => (await import('./organization/update.ts')).organizationUpdateCommand,
    ],
  },
  {
    name: 'config',
    group: SETUP,
    description: 'the settings',
    verbs: [async () => (await import('./config/show.ts')).configShowCommand],
  },
  { name: 'stop', group: SETUP, load: async () => (await import('./stop.ts')).stopCommand },
  { name: 'doctor', group: SETUP, load: async () => (await import('./doctor.ts')).doctorCommand },
];
