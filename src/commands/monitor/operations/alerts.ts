import { acknowledge, listIncidents, showIncident } from '../../../lib/alerts/incidents.ts';
import { covers, endSilences, listSilences, silence } from '../../../lib/alerts/silences.ts';
import { plural } from '../../../lib/output/text.ts';
import { formatDuration, formatRelative } from '../../../lib/output/time.ts';
import { parseDuration } from '../../../lib/parse.ts';
import { incidentInWords } from '../../alerts/shared/columns.ts';
import { silenceInWords } from '../../alerts/shared/silences.ts';
import type { Request } from '../requests.ts';
import { type OperationDeps, operatorOf, type Planned } from './planned.ts';

/** More than a plan lists: a rule has one incident for each task. */
const MOST = 100;

const lengthOf = (forTime: string) => (forTime === '' ? undefined : parseDuration(forTime));
const why = (reason: string) => (reason === '' ? [] : [`why          ${reason}`]);

export async function planAcknowledge(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'acknowledge' }>,
): Promise<Planned> {
  const { incident } = await deps.read((tx) => showIncident(tx, request.id));
  const forMs = lengthOf(request.forTime);
  const isOver = incident.closedAt !== null;
  return {
    title: isOver
      ? 'It is over: there is nothing to acknowledge'
      : `Acknowledge: ${incidentInWords(incident)}`,
    lines: [
      `incident     ${incident.id}`,
      `since        ${formatRelative(incident.openedAt, deps.now())}`,
      ...(incident.acknowledged
        ? [`so far       acknowledged by ${incident.acknowledgedBy}: this replaces it`]
        : []),
      ...(isOver
        ? []
        : [
            `until        ${forMs === undefined ? 'it is over' : `in ${formatDuration(forMs)}`}`,
            ...why(request.reason),
            'effects      no reminders of it; an alert comes when it gets worse',
          ]),
    ],
    confirm: isOver ? { by: 'nothing' } : { by: 'enter' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const { id } = await acknowledge(await deps.db(), {
        id: incident.id,
        forMs,
        reason: request.reason || undefined,
        operator,
      });
      const end = forMs === undefined ? 'until it is over' : `for ${formatDuration(forMs)}`;
      return { lines: [`${id} is acknowledged by ${operator.actor} ${end}.`], stopped: false };
    },
  };
}

export async function planSilence(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'silence' }>,
): Promise<Planned> {
  const open = await deps.read((tx) => listIncidents(tx, { limit: MOST }));
  const concerned = open.filter((incident) => covers(request, incident));
  const what = silenceInWords(request);
  const forMs = parseDuration(request.forTime);
  return {
    title: `Send no alerts of ${what}`,
    lines: [
      `until        in ${formatDuration(forMs)}`,
      ...why(request.reason),
      `open now     ${plural(concerned.length, 'incident')}`,
      ...concerned.map((incident) => `             ${incidentInWords(incident)}`),
      'effects      incidents are still recorded; those open when it ends are sent then',
    ],
    confirm: { by: 'enter' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      await silence(await deps.db(), {
        rule: request.rule ?? undefined,
        task: request.task ?? undefined,
        forMs,
        reason: request.reason || undefined,
        operator,
      });
      return {
        lines: [`No alerts of ${what} for ${formatDuration(forMs)}. m sends them again.`],
        stopped: false,
      };
    },
  };
}

export async function planUnsilence(
  deps: OperationDeps,
  request: Extract<Request, { kind: 'unsilence' }>,
): Promise<Planned> {
  const { rule, task } = request;
  const isMeant = (each: { rule: string | null; task: string | null }) =>
    (rule === null || each.rule === rule) && (task === null || each.task === task);
  const ending = (await deps.read(listSilences)).filter(isMeant);
  return {
    title:
      ending.length === 0
        ? 'There is no such silence any more'
        : `Send alerts again: ${silenceInWords(request)}`,
    lines: ending.map(
      (each) =>
        `ends         ${silenceInWords(each)}, by ${each.actor}, else until ${formatRelative(each.until, deps.now())}${each.reason ? `: ${each.reason}` : ''}`,
    ),
    confirm: ending.length === 0 ? { by: 'nothing' } : { by: 'enter' },
    total: 0,
    async apply() {
      const operator = await operatorOf(deps, request);
      const ended = await endSilences(await deps.db(), {
        rule: rule ?? undefined,
        task: task ?? undefined,
        operator,
      });
      return { lines: [`${plural(ended.length, 'silence')} ended.`], stopped: false };
    },
  };
}
