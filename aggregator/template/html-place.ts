/**
 * Where in HTML a template's output is, told from the text that is written in the template: as a
 * browser's tokenizer would see it. Values in between are escaped so that they change no state.
 * Source: the HTML standard, "Tokenization".
 */

export type HtmlState =
  | "text"
  | "tagOpen" // behind `<`
  | "endTagOpen" // behind `</`
  | "markup" // behind `<!`
  | "comment"
  | "bogusComment"
  | "tagName"
  | "tag" // in a tag, where a name of an attribute may begin
  | "attributeName"
  | "afterName"
  | "beforeValue"
  | "value"
  | "raw"; // in an element whose content has no tags

/** Elements in whose content only their own end tag counts. */
const RAW = new Set(
  "script style textarea title xmp iframe noembed noframes noscript plaintext".split(" "),
);

const SPACE = /[\t\n\f\r ]/;
/** A name that is longer than any that matters. */
const NAME_MAX = 64;

export class HtmlPlace {
  state: HtmlState = "text";
  /** The element that `raw` is in. */
  element = "";
  /** The attribute that `value` is of, in lower case. */
  attribute = "";
  /** `"` or `'`; empty: the value stands without quotes. */
  quote = "";
  #isEndTag = false;
  /** The last few characters, where an end is longer than one. */
  #tail = "";
  readonly #onValue: (character: string) => void;

  /** @param onValue gets what is written of an attribute's value, `""` at its beginning */
  constructor(onValue: (character: string) => void) {
    this.#onValue = onValue;
  }

  advance(text: string): void {
    for (const character of text) this.#step(character);
  }

  /** A value where one of an attribute may begin begins it, without quotes. */
  beginValue(quote: string): void {
    this.quote = quote;
    this.state = "value";
    this.#onValue("");
  }

  #step(character: string): void {
    const { state } = this;
    if (state === "text") {
      if (character === "<") this.state = "tagOpen";
    } else if (state === "tagOpen" || state === "endTagOpen") this.#tagBegins(character);
    else if (state === "markup") this.#markup(character);
    else if (state === "comment") this.#comment(character);
    else if (state === "bogusComment") {
      if (character === ">") this.state = "text";
    } else if (state === "raw") this.#raw(character);
    else if (state === "value") this.#value(character);
    else this.#inTag(character);
  }

  #tagBegins(character: string): void {
    const isEndTag = this.state === "endTagOpen";
    if (/[a-z]/i.test(character)) {
      this.#isEndTag = isEndTag;
      this.element = character.toLowerCase();
      this.state = "tagName";
    } else if (isEndTag) {
      this.state = character === ">" ? "text" : "bogusComment";
    } else if (character === "/") this.state = "endTagOpen";
    else if (character === "!") {
      this.#tail = "";
      this.state = "markup";
    } else if (character === "?") this.state = "bogusComment";
    else if (character !== "<") this.state = "text";
  }

  #markup(character: string): void {
    this.#tail += character;
    // The dashes that open a comment may close it too: `<!-->`.
    if (this.#tail === "--") this.state = "comment";
    else if (character === ">") this.state = "text";
    else if (this.#tail !== "-") this.state = "bogusComment";
  }

  #comment(character: string): void {
    this.#tail = (this.#tail + character).slice(-4);
    if (/(?:--|--!)>$/.test(this.#tail)) this.state = "text";
  }

  #raw(character: string): void {
    const end = `</${this.element}`;
    this.#tail = (this.#tail + character.toLowerCase()).slice(-end.length - 1);
    if (!this.#tail.startsWith(end) || !/[\t\n\f\r />]$/.test(this.#tail)) return;
    this.#isEndTag = true;
    this.state = "tag";
    this.#inTag(character);
  }

  #value(character: string): void {
    const isEnd = this.quote === "" ? SPACE.test(character) : character === this.quote;
    if (isEnd) this.state = "tag";
    else if (this.quote === "" && character === ">") this.#tagEnds();
    else this.#onValue(character);
  }

  #inTag(character: string): void {
    if (character === ">") this.#tagEnds();
    else if (this.state === "beforeValue") this.#beforeValue(character);
    else if (SPACE.test(character)) this.#space();
    else if (character === "/") this.state = "tag";
    else if (this.state === "tagName") this.element = lengthened(this.element, character);
    else if (character === "=" && this.state !== "tag") this.state = "beforeValue";
    else if (this.state === "attributeName") {
      this.attribute = lengthened(this.attribute, character);
    } else {
      this.attribute = character.toLowerCase();
      this.state = "attributeName";
    }
  }

  #space(): void {
    if (this.state === "tagName") this.state = "tag";
    else if (this.state === "attributeName") this.state = "afterName";
  }

  #beforeValue(character: string): void {
    if (SPACE.test(character)) return;
    const isQuote = character === '"' || character === "'";
    this.beginValue(isQuote ? character : "");
    if (!isQuote) this.#onValue(character);
  }

  #tagEnds(): void {
    const isRaw = !this.#isEndTag && RAW.has(this.element);
    this.#tail = "";
    this.state = isRaw ? "raw" : "text";
  }
}

function lengthened(name: string, character: string): string {
  return name.length < NAME_MAX ? name + character.toLowerCase() : name;
}
