/** Longer lines are bad style to mandoc. */
const LINE = 78;

/**
 * Writes the man(7) language, which mandoc and groff read: https://man.openbsd.org/man.7
 */
export class Roff {
  readonly #lines: string[] = [];

  constructor({
    name,
    section,
    date,
    source,
  }: Record<'name' | 'section' | 'date' | 'source', string>) {
    this.#lines.push(`.TH ${name.toUpperCase()} ${section} ${date} "${source}"`);
  }

  section(title: string): void {
    this.#heading('SH', title.toUpperCase());
  }

  subsection(title: string): void {
    this.#heading('SS', title);
  }

  /** A paragraph; its first words may be bold. */
  paragraph(text: string, bold = ''): void {
    this.#break();
    if (bold) this.#lines.push(`\\fB${escaped(bold)}\\fR`);
    this.#lines.push(wrapped(text));
  }

  /** A term, and what it means below it. */
  term(term: string, about: string): void {
    this.#lines.push('.TP', `\\fB${escaped(term)}\\fR`, wrapped(about));
  }

  /** Lines as they are. */
  verbatim(lines: string[]): void {
    this.#break();
    this.#lines.push('.nf', ...lines.map((line) => literal(escaped(line))), '.fi');
  }

  toString(): string {
    return `${this.#lines.join('\n')}\n`;
  }

  /** A heading is a break by itself. */
  #break(): void {
    if (!/^\.S[HS] /.test(this.#lines.at(-1) ?? '')) this.#lines.push('.PP');
  }

  #heading(macro: 'SH' | 'SS', title: string): void {
    this.#lines.push(`.${macro} "${escaped(title).replaceAll('"', '\\(dq')}"`);
  }
}

/** Text in lines that are short enough for mandoc's lint; roff makes them one paragraph. */
function wrapped(text: string): string {
  const lines: string[] = [];
  for (const word of escaped(text.trim()).split(/\s+/)) {
    const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
    if (lines.length > 0 && longer.length <= LINE) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map(literal).join('\n') || '\\&';
}

/** A line in which the first character is no command. */
const literal = (line: string): string => line.replace(/^(?=[.'])/, '\\&');

/** Text in ASCII without characters that mean something to roff. A hyphen stays one when it is copied. */
const escaped = (text: string): string =>
  text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/[^\0-\x7f]/gu, (character) => {
      const code = character.codePointAt(0) as number;
      return `\\[u${code.toString(16).toUpperCase().padStart(4, '0')}]`;
    });
