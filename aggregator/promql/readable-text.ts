/**
 * What Prometheus reads and the grammar does not, put into words of the same length that it does
 * read: every place in the text stays where it is, and names are read from the text as written.
 *
 *   2.              2        Go takes a point without digits behind it
 *   0X1F            0x1F
 *   STEP() MIN_OF   step()   inside a duration, where keywords have no case
 *   min_of(1, 2)             as a function, where the grammar has it in durations only
 *   offset + 1               as the name of a metric
 */
export function readableText(text: string): string {
  return new Rewriter(text).run();
}

/** Texts and comments, numbers, words, and what stands alone. */
const TOKEN =
  /(?<blank>\s+|#[^\n]*)|(?<quoted>"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|`[^`]*`?)|(?<number>(?:\d[\w.]*|\.\d\w*)(?:(?<=[\d._]e)[+-]\d+)?)|(?<word>[a-zA-Z_:][\w:]*)|(?<sign>[\s\S])/gi;

const DURATION_WORDS = new Set(["step", "range", "min_of", "max_of"]);

/** Words that an operand stands behind. */
const OPERATOR_WORDS = new Set(["and", "or", "unless", "atan2", "bool"]);

/** A function of the grammar with as many letters, and a word that is no keyword. */
const STAND_INS = new Map([
  ["min_of", "absent"],
  ["max_of", "absent"],
  ["offset", "_ffset"],
]);

class Rewriter {
  readonly #text: string;
  readonly #out: string[] = [];
  /** For each bracket that is open whether a duration stands inside. */
  readonly #open: boolean[] = [];
  /** Behind `offset`: its duration begins here. */
  #isOffset = false;
  /** An operand ended here, so that a word may be an operator. */
  #isBehindOperand = false;

  constructor(text: string) {
    this.#text = text;
  }

  run(): string {
    for (const match of this.#text.matchAll(TOKEN)) {
      const { blank, quoted, number, word } = match.groups ?? {};
      const [token] = match;
      if (blank !== undefined) this.#out.push(token);
      else if (word !== undefined) this.#word(word, match.index + word.length);
      else if (number !== undefined) this.#operand(numberText(number));
      else if (quoted !== undefined) this.#operand(quoted);
      else this.#sign(token);
    }
    return this.#out.join("");
  }

  #operand(text: string): void {
    this.#out.push(text);
    this.#isBehindOperand = true;
    this.#isOffset = false;
  }

  #word(word: string, end: number): void {
    const lower = word.toLowerCase();
    const isCall = /^\s*\(/.test(this.#text.slice(end, end + 50));
    const isDuration = this.#isOffset || (this.#open.at(-1) ?? false);
    if (isDuration && DURATION_WORDS.has(lower) && isCall) this.#out.push(lower);
    else if (lower === "offset" && this.#isBehindOperand) {
      this.#out.push(word);
      this.#isOffset = true;
      this.#isBehindOperand = false;
    } else {
      const isFunction = DURATION_WORDS.has(word) && isCall;
      const isMetric = lower === "offset" && !isCall;
      this.#out.push(isFunction || isMetric ? (STAND_INS.get(lower) ?? word) : word);
      this.#isBehindOperand = !OPERATOR_WORDS.has(lower);
    }
  }

  #sign(sign: string): void {
    this.#out.push(sign);
    if (sign === "(" || sign === "[" || sign === "{") {
      this.#open.push(sign === "[" || this.#isOffset || (this.#open.at(-1) ?? false));
      this.#isOffset = false;
    } else if (sign === ")" || sign === "]" || sign === "}") {
      this.#open.pop();
    }
    this.#isBehindOperand = /[)\]}]/.test(sign);
    if (sign !== "+" && sign !== "-") this.#isOffset = false;
  }
}

function numberText(number: string): string {
  if (/^0X/.test(number)) return `0x${number.slice(2)}`;
  return /^\d[\d_]*\.$/.test(number) ? `${number.slice(0, -1)} ` : number;
}
