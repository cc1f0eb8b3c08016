import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isCollection,
  isPair,
  isScalar,
  LineCounter,
  Parser,
} from "yaml";

/** Of flow and block collections in each other; a composed tree is walked by recursion. */
const DEPTH_MAX = 200;
/** Of one map: the library compares each key with all others. */
const KEYS_MAX = 1000;
const DOCUMENTS_MAX = 1000;
/** Anchors and aliases of a document: each alias is looked for among all of them. */
const REFERENCES_MAX = 10_000;
/** Of a document whose aliases are filled in. */
const NODES_MAX = 1_000_000;

/** Why a text is refused that may be YAML all the same, and where. */
export class YamlRefusal extends Error {
  readonly line: number;

  constructor(message: string, line: number) {
    super(message);
    this.line = line;
  }
}

/**
 * Documents of a text, with their faults in them; one where it is empty. What would make the parser or
 * a reader of its value slow, large or recurse without an end is refused before it is made.
 * @throws YamlRefusal
 */
export function parseYaml(text: string): {
  readonly documents: readonly Document[];
  readonly lines: LineCounter;
} {
  const lines = new LineCounter();
  const tokens = new BoundedParser(lines).parse(text);
  // Merge keys (`<<: *base`) are what people who share parts of rules know.
  const composer = new Composer({ prettyErrors: false, merge: true, logLevel: "error" });
  const documents: Document[] = [];
  for (const document of composer.compose(tokens, true, text.length)) {
    if (documents.length === DOCUMENTS_MAX) {
      throw new YamlRefusal(`more than ${DOCUMENTS_MAX} documents`, 1);
    }
    checkReferences(document, lines);
    documents.push(document);
  }
  return { documents, lines };
}

class BoundedParser extends Parser {
  readonly #lines: LineCounter;

  constructor(lines: LineCounter) {
    super(lines.addNewLine);
    this.#lines = lines;
  }

  override *next(source: string): ReturnType<Parser["next"]> {
    yield* super.next(source);
    if (this.stack.length > DEPTH_MAX) this.#refuse(`nested over ${DEPTH_MAX} deep`);
    const top = this.stack.at(-1);
    const isMap =
      top?.type === "block-map" || (top?.type === "flow-collection" && top.start.source === "{");
    if (isMap && top.items.length > KEYS_MAX) this.#refuse(`a map of more than ${KEYS_MAX} keys`);
  }

  #refuse(message: string): never {
    throw new YamlRefusal(message, this.#lines.linePos(this.offset).line);
  }
}

function checkReferences(document: Document, lines: LineCounter): void {
  const refuse = (message: string, alias: Alias) => {
    return new YamlRefusal(message, lines.linePos(alias.range?.[0] ?? 0).line);
  };
  if (new References(refuse).sizeOf(document.contents) <= NODES_MAX) return;
  throw new YamlRefusal(`more than ${NODES_MAX} values with its aliases filled in`, 1);
}

class References {
  readonly #refuse: (message: string, alias: Alias) => YamlRefusal;
  /** Sizes of the nodes with anchors so far; null: it is inside of it that we are. */
  readonly #anchors = new Map<string, number | null>();
  #count = 0;

  constructor(refuse: (message: string, alias: Alias) => YamlRefusal) {
    this.#refuse = refuse;
  }

  /** Of a node with its aliases filled in. */
  sizeOf(node: unknown): number {
    if (isPair(node)) return this.sizeOf(node.key) + this.sizeOf(node.value);
    if (isAlias(node)) return this.#sizeOfAlias(node);
    if (!isScalar(node) && !isCollection(node)) return 0;
    const { anchor } = node;
    if (anchor !== undefined) this.#anchors.set(anchor, null);
    let size = 1;
    for (const item of isCollection(node) ? node.items : []) size += this.sizeOf(item);
    if (anchor !== undefined) {
      this.#count += 1;
      this.#anchors.set(anchor, size);
    }
    return size;
  }

  #sizeOfAlias(alias: Alias): number {
    const size = this.#anchors.get(alias.source);
    this.#count += 1;
    if (size === undefined)
      throw this.#refuse(`no anchor before the alias *${alias.source}`, alias);
    if (size === null) throw this.#refuse(`&${alias.source} holds itself`, alias);
    if (this.#count > REFERENCES_MAX) {
      throw this.#refuse(`more than ${REFERENCES_MAX} anchors and aliases`, alias);
    }
    return size;
  }
}
