/** Reading of configuration files: what is wrong is collected with file, line and column, so that an operator sees all of it at once. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';

export class ConfigError extends Error {
  readonly reasons: readonly string[];

  constructor(reasons: readonly string[]) {
    super(reasons.join('\n'));
    this.name = 'ConfigError';
    this.reasons = reasons;
  }
}

const MAX_REASONS = 50;

/** One file that is being read. */
export class YamlReader {
  readonly reasons: string[] = [];
  readonly #file: string;
  readonly #lines = new LineCounter();
  readonly root: Node | null;

  constructor(text: string, file: string) {
    this.#file = file;
    const document = parseDocument(text, { lineCounter: this.#lines, uniqueKeys: true, prettyErrors: false });
    for (const { message, pos } of [...document.errors, ...document.warnings]) this.#add(pos[0], message);
    this.finish(); // of a text that is no YAML nothing more can be said
    this.root = document.contents;
  }

  #place(offset: number): string {
    const { line, col } = this.#lines.linePos(offset);
    return `${this.#file}:${line}:${col}`;
  }

  #add(offset: number, reason: string): void {
    if (this.reasons.length < MAX_REASONS) this.reasons.push(`${this.#place(offset)}: ${reason}`);
  }

  /** `file:line:column` of a node, for what is found when both files are known. */
  placeOf(node: Node | null | undefined): string {
    return this.#place(node?.range?.[0] ?? 0);
  }

  refuse(node: Node | null | undefined, reason: string): undefined {
    this.#add(node?.range?.[0] ?? 0, reason);
    return undefined;
  }

  /** The fields of a map; refuses those that aren't known and says which are. */
  fields<const K extends string>(node: Node | null | undefined, known: readonly K[], what: string): Partial<Record<K, Node>> {
    if (!isMap(node)) {
      this.refuse(node, `${what} is a map of ${known.join(', ')}`);
      return {};
    }
    const fields: Partial<Record<K, Node>> = {};
    for (const { key, value } of (node as YAMLMap<Node, Node | null>).items) {
      const name = isScalar(key) ? String(key.value) : '';
      if (!(known as readonly string[]).includes(name))
        this.refuse(key, `${what} has no field "${name.slice(0, 60)}": it has ${known.join(', ')}`);
      else if (value !== null) fields[name as K] = value;
    }
    return fields;
  }

  list(node: Node | null | undefined, what: string): readonly Node[] {
    if (isSeq(node)) return node.items as Node[];
    this.refuse(node, `${what} is a list: begin each entry with "- "`);
    return [];
  }

  text(node: Node | null | undefined, what: string, owner?: Node | null): string | undefined {
    if (node === undefined) return this.refuse(owner, `${what} is missing`);
    if (isScalar(node) && typeof node.value === 'string' && node.value !== '') return node.value;
    return this.refuse(node, `${what} is a text that isn't empty`);
  }

  /** Throws {@link ConfigError} if anything was refused. */
  finish(): void {
    if (this.reasons.length > 0) throw new ConfigError(this.reasons);
  }
}
