import { Argument, Command } from 'commander';
import { print } from '../lib/output/io.ts';
import { fieldsOf, type OutputOptions } from '../lib/output/render.ts';
import { type Candidate, candidatesFor } from './completion/candidates.ts';
import type { Context } from './context.ts';
import { examples } from './shared/examples.ts';
import { withOutput } from './shared/output-options.ts';
import { writeDone } from './shared/write-result.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
const FIELDS = fieldsOf('shell', 'script');
type Shell = (typeof SHELLS)[number];

/** `donations completion <shell>`. */
export function completionCommand(context: Context, wholeProgram: () => Promise<Command>): Command {
  const command = new Command('completion')
    .description('print a script that completes commands, options and values in your shell')
    .addArgument(new Argument('<shell>').choices(SHELLS))
    .action(async (shell: Shell, options: OutputOptions) => {
      const script = SCRIPTS[shell](candidatesFor(await wholeProgram(), ['']).words);
      writeDone(context.io, options, FIELDS, { shell, script }, () => print(context.io, script));
    });
  return examples(withOutput(command, FIELDS), [
    ['donations completion bash > /etc/bash_completion.d/donations', 'for every user of bash'],
    ['source <(donations completion zsh)', 'for this session of zsh'],
    ['donations completion fish > ~/.config/fish/completions/donations.fish', 'for you in fish'],
  ]);
}

const quote = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

// The scripts know the commands; `donations __complete` answers everything else.
const SCRIPTS: Record<Shell, (commands: Candidate[]) => string> = {
  bash: (commands) => `# bash completion for donations
_donations() {
  local line="\${COMP_LINE:0:COMP_POINT}" cur word about before
  local -a words
  # COMP_WORDS has words taken apart at colons; a term of a filter is one word.
  # Without -r, a blank after a backslash is a part of its word.
  read -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=('')
  cur="\${words[\${#words[@]}-1]}"
  COMPREPLY=()
  if ((\${#words[@]} == 2)); then
    COMPREPLY=($(compgen -W ${quote(commands.map(({ word }) => word).join(' '))} -- "$cur"))
    return
  fi
  while IFS=$'\\t' read -r word about; do
    # What the shell would take apart is escaped.
    [[ $word == *[!A-Za-z0-9_.,:=@%+/~-]* ]] && printf -v word %q "$word"
    COMPREPLY+=("$word")
  done < <("\${words[0]/#\\~/$HOME}" __complete -- "\${words[@]:1}" 2>/dev/null)
  [[ \${COMPREPLY[0]:-} == *[:.=] ]] && compopt -o nospace 2>/dev/null
  # Bash replaces what follows the last : or =, or begins with the last @.
  if [[ $cur == *[@:=]* ]]; then
    before="\${cur%[@:=]*}"
    [[ \${cur:\${#before}:1} == @ ]] || before+="\${cur:\${#before}:1}"
    COMPREPLY=("\${COMPREPLY[@]#"$before"}")
  fi
}
complete -o default -F _donations donations`,

  zsh: (commands) => `#compdef donations
_donations() {
  local value about
  local -a found open
  if ((CURRENT == 2)); then
    found=(${commands.map(({ word, about }) => quote(`${word}:${about}`)).join(' ')})
  else
    while IFS=$'\\t' read -r value about; do
      if [[ $value == *[:.=] ]]; then open+=("\${value//:/\\\\:}:$about"); else found+=("\${value//:/\\\\:}:$about"); fi
    done < <("\${words[1]/#\\~/$HOME}" __complete -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)
  fi
  if ((!\${#found} && !\${#open})); then _files; return; fi
  ((\${#found})) && _describe 'donations' found
  ((\${#open})) && _describe 'donations' open -S ''
}
if [[ $funcstack[1] == _donations ]]; then _donations "$@"; else compdef _donations donations; fi`,

  fish: (commands) => `# fish completion for donations
function __donations_complete
  set -l words (commandline -opc)
  set -l found ($words[1] __complete -- $words[2..-1] (string unescape -- (commandline -ct); or echo) 2>/dev/null)
  if set -q found[1]
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c donations -f
complete -c donations -n 'test (count (commandline -opc)) -gt 1' -a '(__donations_complete)'
${commands
  .map(
    ({ word, about }) =>
      `complete -c donations -n 'test (count (commandline -opc)) -eq 1' -a ${quote(word)} -d ${quote(about)}`,
  )
  .join('\n')}`,
};
