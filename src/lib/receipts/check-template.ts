import Handlebars from 'handlebars';
import { grouped } from '../output/text.ts';
import { quoted } from '../text.ts';

/** What a template may hold, at most; ours have three thousand characters. */
export const MAX_SOURCE = 65_536;
/** Blocks within blocks, and lists within lists. */
const MAX_BLOCKS = 30;
const MAX_LISTS = 2;
/** How long the result may become, taking lists and values for as long as they can be. */
const MAX_RESULT = 5_000_000;
const LONGEST_LIST = 50;
const LONGEST_VALUE = 500;

/** What a name of the view stands for. */
type Shape =
  | { kind: 'value' }
  | { kind: 'list'; item: Shape }
  | { kind: 'group'; fields: Map<string, Shape> };

/** Where a template stands: what the names mean there. */
interface Scope {
  shape: Shape;
  parent: Scope | undefined;
  /** The names after `as |…|`, of this and the blocks around. */
  named: Map<string, Shape>;
  blocks: number;
  lists: number;
}

/** What is wrong with a template, and where. */
export class TemplateProblem extends Error {
  override name = 'TemplateProblem';
  readonly line: number;
  readonly hint: string | undefined;

  constructor(line: number, message: string, hint?: string) {
    super(message);
    this.line = line;
    this.hint = hint;
  }
}

/**
 * Checks a template against what it may use: every name in it, also in a branch that no sample
 * reaches, and how much it can become.
 *
 * @param example a view with every field there, and in every list an item.
 * @param html whether every value must be escaped.
 * @throws TemplateProblem
 */
export function checkTemplate(source: string, example: object, { html }: { html: boolean }): void {
  if (source.length > MAX_SOURCE) {
    throw new TemplateProblem(
      1,
      `it has ${grouped(source.length)} characters`,
      `At most ${grouped(MAX_SOURCE)} are allowed.`,
    );
  }
  const root: Scope = {
    shape: shapeOf(example),
    parent: undefined,
    named: new Map(),
    blocks: 0,
    lists: 0,
  };
  const longest = new Checker(root, html).program(parse(source), root);
  if (longest > MAX_RESULT) {
    throw new TemplateProblem(1, 'what it writes can become too long', 'Take lists out of lists.');
  }
}

function parse(source: string): hbs.AST.Program {
  try {
    return Handlebars.parse(source);
  } catch (error) {
    if (error instanceof RangeError) throw new TemplateProblem(1, 'it is nested too deeply');
    const message = (error as Error).message;
    const line = Number(/line (\d+)/.exec(message)?.[1] ?? 1);
    const [first = '', ...rest] = message.split('\n');
    throw new TemplateProblem(line, rest.at(-1) ?? first);
  }
}

class Checker {
  readonly #root: Scope;
  readonly #html: boolean;

  constructor(root: Scope, html: boolean) {
    this.#root = root;
    this.#html = html;
  }

  /** @returns how many characters it can become. */
  program(program: hbs.AST.Program | undefined, scope: Scope): number {
    let length = 0;
    for (const statement of program?.body ?? []) length += this.#statement(statement, scope);
    return length;
  }

  #statement(node: hbs.AST.Statement, scope: Scope): number {
    switch (node.type) {
      case 'ContentStatement':
        return (node as hbs.AST.ContentStatement).value.length;
      case 'CommentStatement':
        return 0;
      case 'MustacheStatement':
        return this.#value(node as hbs.AST.MustacheStatement, scope);
      case 'BlockStatement':
        return this.#block(node as hbs.AST.BlockStatement, scope);
      default:
        throw problem(node, 'partials and decorators cannot be used', 'Write the words here.');
    }
  }

  #value(node: hbs.AST.MustacheStatement, scope: Scope): number {
    const { path, params, hash } = node;
    if (params.length > 0 || hash) throw noHelper(node, path);
    if (this.#html && !node.escaped) {
      const name = nameOf(path);
      throw problem(
        node,
        `{{{${name}}}} is not escaped: what a donor typed would be HTML`,
        `Write {{${name}}}.`,
      );
    }
    const shape = this.#resolve(path, scope);
    if (shape.kind === 'group') {
      throw problem(
        node,
        `${quoted(nameOf(path))} is not a text but a group of fields`,
        `Fields: ${[...shape.fields.keys()].map((field) => `${nameOf(path)}.${field}`).join(', ')}`,
      );
    }
    return LONGEST_VALUE;
  }

  #block(node: hbs.AST.BlockStatement, scope: Scope): number {
    const name = nameOf(node.path);
    const [subject, ...more] = node.params;
    if (!['if', 'unless', 'each', 'with'].includes(name)) {
      if (node.params.length > 0) throw noHelper(node, node.path);
      this.#resolve(node.path, scope);
      throw problem(
        node,
        `{{#${name}}} says neither if nor each`,
        `Write {{#if ${name}}} or {{#each ${name}}}.`,
      );
    }
    if (!subject || more.length > 0 || node.hash) {
      throw problem(node, `{{#${name}}} takes one name`, `For instance {{#${name} fund}}.`);
    }
    const shape = this.#resolve(subject, scope);
    const inner = this.#innerScope(node, name, shape, scope);
    const times = name === 'each' ? LONGEST_LIST : 1;
    // Both branches are checked; one is written.
    return Math.max(
      times * this.program(node.program, inner),
      this.program(node.inverse, { ...scope, blocks: scope.blocks + 1 }),
    );
  }

  #innerScope(node: hbs.AST.BlockStatement, name: string, shape: Shape, scope: Scope): Scope {
    const blocks = scope.blocks + 1;
    if (blocks > MAX_BLOCKS) throw problem(node, `blocks are nested more than ${MAX_BLOCKS} deep`);
    if (name === 'if' || name === 'unless') return { ...scope, blocks };
    const named = new Map(scope.named);
    const [first, second] = node.program?.blockParams ?? [];
    if (name === 'with') {
      if (first) named.set(first, shape);
      return { shape, parent: scope, named, blocks, lists: scope.lists };
    }
    if (shape.kind !== 'list') {
      const subject = node.params[0] as hbs.AST.Expression;
      throw problem(
        node,
        `${quoted(nameOf(subject))} is not a list`,
        `Write {{#if ${nameOf(subject)}}}.`,
      );
    }
    const lists = scope.lists + 1;
    if (lists > MAX_LISTS) throw problem(node, `lists are nested more than ${MAX_LISTS} deep`);
    if (first) named.set(first, shape.item);
    if (second) named.set(second, { kind: 'value' });
    return { shape: shape.item, parent: scope, named, blocks, lists };
  }

  #resolve(node: hbs.AST.Expression, scope: Scope): Shape {
    if (node.type !== 'PathExpression') {
      throw problem(node, 'only names can be used here', 'For instance {{donor.name}}.');
    }
    const path = node as hbs.AST.PathExpression;
    const parts = [...path.parts];
    let at: Scope = scope;
    for (let up = 0; up < path.depth; up++) {
      if (!at.parent) throw problem(node, `${quoted(path.original)} goes further up than there is`);
      at = at.parent;
    }
    let shape = at.shape;
    if (path.data) {
      const name = parts.shift();
      if (name === 'root') shape = this.#root.shape;
      else if (scope.lists > 0 && ['index', 'key', 'first', 'last'].includes(name ?? '')) {
        shape = { kind: 'value' };
      } else throw problem(node, `there is no ${quoted(`@${name}`)} here`);
    } else if (path.depth === 0 && !/^this\b|^\./.test(path.original)) {
      const named = scope.named.get(parts[0] ?? '');
      if (named) {
        shape = named;
        parts.shift();
      }
    }
    for (const part of parts) shape = field(node, shape, part, path.original);
    return shape;
  }
}

function field(node: hbs.AST.Node, shape: Shape, name: string, whole: string): Shape {
  if (shape.kind === 'list' && name === 'length') return { kind: 'value' };
  if (shape.kind !== 'group') {
    throw problem(
      node,
      `there is no field ${quoted(whole)}: what is before ${quoted(name)} has none`,
    );
  }
  const found = shape.fields.get(name);
  if (found) return found;
  throw problem(
    node,
    `there is no field ${quoted(whole)}`,
    `Fields: ${[...shape.fields.keys()].join(', ')}`,
  );
}

function shapeOf(value: unknown): Shape {
  if (Array.isArray(value)) {
    return { kind: 'list', item: value.map(shapeOf).reduce(merged, { kind: 'value' }) };
  }
  if (typeof value !== 'object' || value === null) return { kind: 'value' };
  return {
    kind: 'group',
    fields: new Map(Object.entries(value).map(([name, inner]) => [name, shapeOf(inner)])),
  };
}

/** Items of a list may have fields that others lack. */
function merged(a: Shape, b: Shape): Shape {
  if (a.kind === 'group' && b.kind === 'group') {
    return { kind: 'group', fields: new Map([...a.fields, ...b.fields]) };
  }
  return b.kind === 'value' ? a : b;
}

const nameOf = (node: hbs.AST.Expression): string =>
  'original' in node ? String(node.original) : node.type;

const noHelper = (node: hbs.AST.Node, path: hbs.AST.Expression) =>
  problem(
    node,
    `there is no helper ${quoted(nameOf(path))}`,
    'Blocks: if, unless, each, with. Everything else is a name, such as {{donor.name}}.',
  );

const problem = (node: hbs.AST.Node, message: string, hint?: string) =>
  new TemplateProblem(node.loc.start.line, message, hint);
