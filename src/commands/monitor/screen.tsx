import { Box } from 'ink';
import type { ReactNode } from 'react';
import { judgeHealth } from '../../lib/monitor/health.ts';
import { contentOf, currentView, datasetOf, type State } from './state.ts';
import type { Span, Theme } from './theme.ts';
import { changeLines, donationLines, jobLines } from './views/details.ts';
import { Header, HealthLine, handledWords, healthLines, Totals } from './views/header.tsx';
import { incidentLines } from './views/incident.ts';
import {
  AlertsView,
  AuditView,
  ErrorsView,
  FailuresView,
  JobsView,
  ReceiptsView,
  WorkersView,
} from './views/lists.tsx';
import { DialogBox, dialogHeight, Footer, Help, Prompt, promptHeight } from './views/overlays.tsx';
import { Overview } from './views/overview.tsx';
import { Heading, Line, Scroll, ThemeContext } from './views/parts.tsx';

/** Below this there is only a summary. */
const LEAST = { columns: 60, rows: 15 };

/** The whole screen: a pure function of the state and the look. */
export function Screen({ state, theme }: { state: State; theme: Theme }): ReactNode {
  const { columns, rows } = state;
  const look: Theme = { ...theme, stale: state.link.status === 'lost' };
  const isSmall = columns < LEAST.columns || rows < LEAST.rows;
  return (
    <Box flexDirection="column" width={columns} height={rows}>
      {isSmall ? (
        <Summary state={state} theme={theme} />
      ) : (
        <Whole state={state} theme={theme} look={look} />
      )}
    </Box>
  );
}

function Whole({ state, theme, look }: { state: State; theme: Theme; look: Theme }): ReactNode {
  const { columns: width, rows, dialog, help } = state;
  const most = rows >= 36 ? 3 : rows >= 28 ? 2 : 1;
  const health = Math.max(1, healthLines(state, theme, width, most).length);
  const typed = promptHeight(state);
  const body = rows - 1 - health - 1 - typed - 1;
  const asked = dialog ? Math.min(body, dialogHeight(dialog, theme, width)) : 0;
  return (
    <>
      <ThemeContext value={theme}>
        <Header state={state} width={width} />
        <HealthLine state={state} width={width} height={health} />
      </ThemeContext>
      <ThemeContext value={look}>
        <Totals state={state} width={width} />
        {help === undefined ? (
          body - asked > 0 ? (
            <Box height={body - asked}>
              <CurrentView state={state} theme={look} width={width} height={body - asked} />
            </Box>
          ) : null
        ) : (
          <Help state={state} width={width} height={body - asked} />
        )}
      </ThemeContext>
      <ThemeContext value={theme}>
        {dialog ? <DialogBox dialog={dialog} width={width} height={asked} /> : null}
        <Prompt state={state} width={width} />
        <Footer state={state} width={width} />
      </ThemeContext>
    </>
  );
}

function CurrentView({
  state,
  theme,
  width,
  height,
}: {
  state: State;
  theme: Theme;
  width: number;
  height: number;
}): ReactNode {
  const view = currentView(state);
  const props = { state, width, height };
  switch (view.name) {
    case 'overview':
      return <Overview {...props} />;
    case 'jobs':
      return <JobsView {...props} />;
    case 'errors':
      return <ErrorsView {...props} />;
    case 'failures':
      return <FailuresView {...props} />;
    case 'workers':
      return <WorkersView {...props} />;
    case 'receipts':
      return <ReceiptsView {...props} />;
    case 'alerts':
      return <AlertsView {...props} />;
    case 'audit':
      return <AuditView {...props} />;
    case 'incident': {
      const found = contentOf(state, 'incident');
      return (
        <Detail
          {...props}
          title="Incident"
          lines={
            found && incidentLines(found.story, found.silences, { now: state.now, theme, width })
          }
        />
      );
    }
    case 'job': {
      const detail = contentOf(state, 'job')?.detail;
      return (
        <Detail
          {...props}
          title={`Job ${view.arg}`}
          lines={detail && jobLines(detail, state.now, theme, width)}
        />
      );
    }
    case 'donation': {
      const story = contentOf(state, 'donation')?.story;
      return (
        <Detail
          {...props}
          title="Donation"
          lines={story && donationLines(story, state.now, theme, width)}
        />
      );
    }
    case 'change': {
      const entry = contentOf(state, 'change')?.entry;
      return (
        <Detail {...props} title="Change" lines={entry && changeLines(entry, state.now, width)} />
      );
    }
  }
}

function Detail({
  state,
  title,
  lines,
  width,
  height,
}: {
  state: State;
  title: string;
  lines: Span[][] | undefined;
  width: number;
  height: number;
}): ReactNode {
  const trouble = datasetOf(state)?.trouble;
  const words: Span = trouble ? { text: trouble, tone: 'warn' } : { text: 'Looking…', tone: 'dim' };
  return (
    <Box flexDirection="column" height={height}>
      <Heading
        title={title}
        focused
        width={width}
        right={trouble && lines ? [{ text: trouble, tone: 'warn' }] : []}
      />
      <Scroll
        lines={lines ?? [[{ text: '  ' }, words]]}
        from={currentView(state).selected}
        width={width}
        height={height - 1}
      />
    </Box>
  );
}

/** On a screen that is too small for more: whether things are well, why not, and how much there is. */
function Summary({ state, theme }: { state: State; theme: Theme }): ReactNode {
  const { columns: width, rows, snapshot } = state;
  const reasons = snapshot ? judgeHealth(snapshot, state.session.rules, state.now).reasons : [];
  const body: Span[][] =
    state.link.status === 'lost' || reasons.length === 0
      ? healthLines(state, theme, width, 1)
      : reasons.map((reason) => {
          const { level, text } = reason;
          const glyph = level === 'critical' ? theme.glyphs.bad : theme.glyphs.warn;
          const handled = handledWords(reason, state.now, true);
          return [
            { text: `${glyph} ${text}`, tone: level === 'critical' ? 'bad' : 'warn' },
            { text: handled && ` (${handled})`, tone: 'accent' },
          ];
        });
  const room = Math.max(0, rows - 3);
  return (
    <ThemeContext value={theme}>
      <Header state={state} width={width} />
      {rows > 2 ? <Totals state={state} width={width} /> : null}
      {body.slice(0, room).map((spans, i) => (
        <Line key={String(i)} spans={spans} width={width} />
      ))}
      <Box flexGrow={1} />
      {rows > 1 ? (
        <Line
          width={width}
          spans={[
            { text: `q quit  ${LEAST.columns}x${LEAST.rows} and more shows all`, tone: 'dim' },
          ]}
        />
      ) : null}
    </ThemeContext>
  );
}
