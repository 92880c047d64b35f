import type { Command } from 'commander';
import type { Context } from './context.ts';

type MakeCommand = (context: Context) => Command;
export type Load = () => Promise<MakeCommand>;

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
  /** By their names. */
  verbs: Record<string, Load>;
  /** The verb that runs when none is given. */
  bare?: string;
  /** Verbs for internal processes, which the help omits. */
  hidden?: Record<string, Load>;
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
    verbs: {
      list: async () => (await import('./donors/list.ts')).donorsListCommand,
      show: async () => (await import('./donors/show.ts')).donorsShowCommand,
      'fix-email': async () => (await import('./donors/fix-email.ts')).donorsFixEmailCommand,
      'gift-aid': async () => (await import('./donors/gift-aid.ts')).donorsGiftAidCommand,
    },
  },
  {
    name: 'receipts',
    group: EVERYDAY,
    description: 'receipts and their delivery',
    verbs: {
      list: async () => (await import('./receipts/list.ts')).receiptsListCommand,
      show: async () => (await import('./receipts/show.ts')).receiptsShowCommand,
      preview: async () => (await import('./receipts/preview.ts')).receiptsPreviewCommand,
      resend: async () => (await import('./receipts/resend.ts')).receiptsResendCommand,
      resolve: async () => (await import('./receipts/resolve.ts')).receiptsResolveCommand,
      void: async () => (await import('./receipts/void.ts')).receiptsVoidCommand,
      reissue: async () => (await import('./receipts/reissue.ts')).receiptsReissueCommand,
      issue: async () => (await import('./receipts/issue.ts')).receiptsIssueCommand,
      print: async () => (await import('./receipts/print.ts')).receiptsPrintCommand,
      missing: async () => (await import('./receipts/missing.ts')).receiptsMissingCommand,
      replay: async () => (await import('./receipts/replay.ts')).receiptsReplayCommand,
      evidence: async () => (await import('./receipts/evidence.ts')).receiptsEvidenceCommand,
    },
  },
  {
    name: 'statements',
    group: EVERYDAY,
    description: 'the gifts of a year, in one mail a donor',
    verbs: {
      send: async () => (await import('./statements/send.ts')).statementsSendCommand,
      list: async () => (await import('./statements/list.ts')).statementsListCommand,
      preview: async () => (await import('./statements/preview.ts')).statementsPreviewCommand,
    },
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
    verbs: {
      offline: async () => (await import('./import/offline.ts')).importOfflineCommand,
      check: async () => (await import('./import/check.ts')).importCheckCommand,
      list: async () => (await import('./import/list.ts')).importListCommand,
      show: async () => (await import('./import/show.ts')).importShowCommand,
      rejects: async () => (await import('./import/rejects.ts')).importRejectsCommand,
      resume: async () => (await import('./import/resume.ts')).importResumeCommand,
      undo: async () => (await import('./import/undo.ts')).importUndoCommand,
      diff: async () => (await import('./import/diff.ts')).importDiffCommand,
      template: async () => (await import('./import/template.ts')).importTemplateCommand,
      map: async () => (await import('./import/map.ts')).importMapCommand,
    },
  },
  {
    name: 'offline',
    group: EVERYDAY,
    description: 'gifts taken with no network, until they are pushed',
    verbs: {
      add: async () => (await import('./offline/add.ts')).offlineAddCommand,
      list: async () => (await import('./offline/list.ts')).offlineListCommand,
      push: async () => (await import('./offline/push.ts')).offlinePushCommand,
    },
  },
  {
    name: 'worker',
    group: QUEUE,
    description: 'the processes that run the jobs',
    verbs: {
      start: async () => (await import('./worker/start.ts')).workerStartCommand,
      list: async () => (await import('./worker/list.ts')).workerListCommand,
    },
  },
  {
    name: 'cron',
    group: QUEUE,
    description: 'the work that workers repeat by themselves',
    bare: 'list',
    verbs: { list: async () => (await import('./cron/list.ts')).cronListCommand },
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
    verbs: {
      list: async () => (await import('./alerts/list.ts')).alertsListCommand,
      show: async () => (await import('./alerts/show.ts')).alertsShowCommand,
      ack: async () => (await import('./alerts/ack.ts')).alertsAckCommand,
      silence: async () => (await import('./alerts/silence.ts')).alertsSilenceCommand,
      rules: async () => (await import('./alerts/rules.ts')).alertsRulesCommand,
      test: async () => (await import('./alerts/test.ts')).alertsTestCommand,
      check: async () => (await import('./alerts/check.ts')).alertsCheckCommand,
    },
  },
  {
    name: 'jobs',
    group: QUEUE,
    description: 'the queue',
    verbs: {
      list: async () => (await import('./jobs/list.ts')).jobsListCommand,
      show: async () => (await import('./jobs/show.ts')).jobsShowCommand,
      errors: async () => (await import('./jobs/errors.ts')).jobsErrorsCommand,
      stats: async () => (await import('./jobs/stats.ts')).jobsStatsCommand,
      retry: async () => (await import('./jobs/retry.ts')).jobsRetryCommand,
      recall: async () => (await import('./jobs/recall.ts')).jobsRecallCommand,
      discard: async () => (await import('./jobs/discard.ts')).jobsDiscardCommand,
      restore: async () => (await import('./jobs/restore.ts')).jobsRestoreCommand,
      reschedule: async () => (await import('./jobs/reschedule.ts')).jobsRescheduleCommand,
      pause: async () => (await import('./jobs/pause.ts')).jobsPauseCommand,
      resume: async () => (await import('./jobs/resume.ts')).jobsResumeCommand,
      rescue: async () => (await import('./jobs/rescue.ts')).jobsRescueCommand,
      policy: async () => (await import('./jobs/policy.ts')).jobsPolicyCommand,
    },
  },
  { name: 'logs', group: QUEUE, load: async () => (await import('./logs.ts')).logsCommand },
  {
    name: 'audit',
    group: QUEUE,
    description: 'the audit trail: every change by a person',
    bare: 'list',
    verbs: {
      list: async () => (await import('./audit/list.ts')).auditListCommand,
      show: async () => (await import('./audit/show.ts')).auditShowCommand,
    },
  },
  {
    name: 'webhooks',
    group: QUEUE,
    description: 'events from Stripe and SendGrid',
    verbs: { listen: async () => (await import('./webhooks/listen.ts')).webhooksListenCommand },
  },
  { name: 'init', group: SETUP, load: async () => (await import('./init.ts')).initCommand },
  {
    name: 'db',
    group: SETUP,
    description: 'the database',
    verbs: {
      start: async () => (await import('./db/start.ts')).dbStartCommand,
      stop: async () => (await import('./db/stop.ts')).dbStopCommand,
      status: async () => (await import('./db/status.ts')).dbStatusCommand,
      url: async () => (await import('./db/url.ts')).dbUrlCommand,
      migrate: async () => (await import('./db/migrate.ts')).dbMigrateCommand,
      'grant-readonly': async () => (await import('./db/grant-readonly.ts')).dbGrantReadonlyCommand,
      reset: async () => (await import('./db/reset.ts')).dbResetCommand,
    },
  },
  {
    name: 'sandbox',
    group: SETUP,
    description: 'the local doubles of Stripe and SendGrid',
    verbs: {
      start: async () => (await import('./sandbox/start.ts')).sandboxStartCommand,
      stop: async () => (await import('./sandbox/stop.ts')).sandboxStopCommand,
      status: async () => (await import('./sandbox/status.ts')).sandboxStatusCommand,
      inbox: async () => (await import('./sandbox/inbox.ts')).sandboxInboxCommand,
      fault: async () => (await import('./sandbox/fault.ts')).sandboxFaultCommand,
      refund: async () => (await import('./sandbox/refund.ts')).sandboxRefundCommand,
      webhooks: async () => (await import('./sandbox/webhooks.ts')).sandboxWebhooksCommand,
      reset: async () => (await import('./sandbox/reset.ts')).sandboxResetCommand,
    },
    hidden: { serve: async () => (await import('./sandbox/serve.ts')).sandboxServeCommand },
  },
  {
    name: 'organization',
    group: SETUP,
    description: 'the organisation that issues receipts',
    verbs: {
      show: async () => (await import('./organization/show.ts')).organizationShowCommand,
      update: async () => (await import('./organization/update.ts')).organizationUpdateCommand,
    },
  },
  {
    name: 'config',
    group: SETUP,
    description: 'the settings',
    verbs: { show: async () => (await import('./config/show.ts')).configShowCommand },
  },
  { name: 'stop', group: SETUP, load: async () => (await import('./stop.ts')).stopCommand },
  { name: 'doctor', group: SETUP, load: async () => (await import('./doctor.ts')).doctorCommand },
];
