/**
 * Texts that whatever matches the regular expression (RE2's syntax) is sure to hold, in their order.
 * Where it is not sure there are none: alternatives, flags, and escapes that are rare.
 */
export function literalsOf(pattern: string): readonly string[] {
  const scan = new LiteralScan(pattern);
  return scan.run() ? scan.literals : [];
}

/** Classes of one character, and places: they are no literals, and what follows is not theirs. */
const CLASS_ESCAPES = "dDsSwWbBAzntrfva";

class LiteralScan {
  readonly literals: string[] = [];
  readonly #characters: readonly string[];
  #run: string[] = [];
  #depth = 0; // of groups: what is in one may be repeated, or have alternatives
  #at = 0;

  constructor(pattern: string) {
    this.#characters = Array.from(pattern);
  }

  /** False when nothing is sure. */
  run(): boolean {
    for (; this.#at < this.#characters.length; this.#at += 1) {
      if (!this.#character(this.#characters[this.#at] ?? "")) return false;
    }
    this.#endRun();
    return true;
  }

  #character(character: string): boolean {
    switch (character) {
      case "\\":
        return this.#escape();
      case "[":
        this.#endRun();
        this.#at = classEnd(this.#characters, this.#at);
        return true;
      case "(":
        this.#endRun();
        this.#depth += 1;
        return isPlainGroup(this.#characters, this.#at);
      case ")":
        this.#depth -= 1;
        return true;
      case "|":
        return this.#depth > 0;
      case "*":
      case "?":
      case "{":
        // Of what is repeated there may be nothing; and `{2}` itself is no literal.
        this.#run.pop();
        this.#endRun();
        if (character === "{") this.#at = repetitionEnd(this.#characters, this.#at);
        return true;
      case "+":
      case ".":
      case "^":
      case "$":
        this.#endRun();
        return true;
      default:
        this.#literal(character);
        return true;
    }
  }

  #escape(): boolean {
    this.#at += 1;
    const escaped = this.#characters[this.#at] ?? "";
    if (escaped === "") return false;
    if (!/[a-zA-Z0-9]/.test(escaped)) this.#literal(escaped);
    else if (CLASS_ESCAPES.includes(escaped)) this.#endRun();
    else return false;
    return true;
  }

  #literal(character: string): void {
    if (this.#depth === 0) this.#run.push(character);
  }

  #endRun(): void {
    if (this.#run.length > 0) this.literals.push(this.#run.join(""));
    this.#run = [];
  }
}

/** Groups with flags change what the letters in them match. */
function isPlainGroup(characters: readonly string[], open: number): boolean {
  if (characters[open + 1] !== "?") return true;
  return /^\?(?::|P?<[^=!])/.test(characters.slice(open + 1, open + 5).join(""));
}

/** The index of the bracket that closes a class; a bracket right at its beginning does not. */
function classEnd(characters: readonly string[], open: number): number {
  let i = open + 1;
  if (characters[i] === "^") i += 1;
  if (characters[i] === "]") i += 1;
  for (; i < characters.length && characters[i] !== "]"; i += 1) {
    if (characters[i] === "\\") i += 1;
    else if (characters[i] === "[" && characters[i + 1] === ":") {
      const end = characters.indexOf("]", i);
      if (end > 0) i = end;
    }
  }
  return i;
}

/** Of a brace that opens no repetition it is the brace itself. */
function repetitionEnd(characters: readonly string[], open: number): number {
  const found = /^\{\d+(?:,\d*)?\}/.exec(characters.slice(open, open + 20).join(""));
  return open + (found?.[0].length ?? 1) - 1;
}
