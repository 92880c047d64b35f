import { Argument, Command } from 'commander';
import { print } from '../lib/output/io.ts';
import type { Context } from './context.ts';
import { CompletedArgument } from './shared/completed-argument.ts';
import { examples } from './shared/examples.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** The words that may follow a command: `worker` → `start`, `list`, `--help`. */
interface Completion {
  /** The words before, without `donations`; empty for the program itself. */
  path: string;
  words: { word: string; about: string }[];
}

/** `donations completion <shell>`. */
export function completionCommand(context: Context, wholeProgram: () => Promise<Command>): Command {
  const command = new Command('completion')
    .description('print a script that completes commands and options in your shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell: Shell) => {
      print(context.io, SCRIPTS[shell](completions(await wholeProgram())));
    });
  return examples(command, [
    ['donations completion bash > /etc/bash_completion.d/donations', 'for every user of bash'],
    ['source <(donations completion zsh)', 'for this session of zsh'],
    ['donations completion fish > ~/.config/fish/completions/donations.fish', 'for you in fish'],
  ]);
}

function completions(command: Command, path: string[] = []): Completion[] {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  const words = [
    ...commands.map((child) => ({ word: child.name(), about: child.description() })),
    ...help
      .visibleOptions(command)
      .map((option) => ({ word: option.long ?? option.flags, about: option.description })),
    ...command.registeredArguments.flatMap((argument) => {
      const offered =
        argument instanceof CompletedArgument ? argument.offered : argument.argChoices;
      return (offered ?? []).map((word) => ({ word, about: '' }));
    }),
  ];
  return [
    { path: path.join(' '), words },
    ...commands.flatMap((child) => completions(child, [...path, child.name()])),
  ];
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

const SCRIPTS: Record<Shell, (all: Completion[]) => string> = {
  bash: (all) => `# bash completion for donations
_donations() {
  local at='' word words cur="\${COMP_WORDS[COMP_CWORD]}"
  # Bash takes words apart at colons; a term of a filter is one.
  [[ \${COMP_LINE:-} ]] && cur="\${COMP_LINE:0:COMP_POINT}" && cur="\${cur##* }"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    [[ $word == -* ]] || at="\${at:+$at }$word"
  done
  while :; do
    case "$at" in
${all.map(({ path, words }) => `      ${quote(path)}) words=${quote(words.map(({ word }) => word).join(' '))} ;;`).join('\n')}
      *' '*) at="\${at% *}"; continue ;;
      *) at=''; continue ;;
    esac
    break
  done
  COMPREPLY=($(compgen -W "$words" -- "$cur"))
  [[ \${COMPREPLY[0]:-} == *[:.] ]] && compopt -o nospace 2>/dev/null
  [[ $cur == *:* ]] && COMPREPLY=("\${COMPREPLY[@]#"\${cur%"\${cur##*:}"}"}")
}
complete -o default -F _donations donations`,

  zsh: (all) => `#compdef donations
_donations() {
  local at='' word
  local -a known
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -* ]] || at="\${at:+$at }$word"
  done
  while :; do
    case "$at" in
${all.map(({ path, words }) => `      ${quote(path)}) known=(${words.map(({ word, about }) => quote(`${word.replaceAll(':', '\\:')}:${about}`)).join(' ')}) ;;`).join('\n')}
      *' '*) at="\${at% *}"; continue ;;
      *) at=''; continue ;;
    esac
    break
  done
  _describe 'donations' known || _files
}
if [[ $funcstack[1] == _donations ]]; then _donations "$@"; else compdef _donations donations; fi`,

  fish: (all) => `# fish completion for donations
function __donations_at
  set -l words (commandline -opc)
  set -l at (string match -v -- '-*' $words[2..-1])
  test "$at" = "$argv[1]"
end
${all
  .flatMap(({ path, words }) =>
    words.map(({ word, about }) => {
      const what = word.startsWith('--') ? `-l ${quote(word.slice(2))}` : `-f -a ${quote(word)}`;
      return `complete -c donations -n ${quote(`__donations_at ${quote(path)}`)} ${what} -d ${quote(about)}`;
    }),
  )
  .join('\n')}`,
};
