/** Values in HTML, each escaped for its place, as Go's html/template does. */

import type { OperationalError } from "../../shared/errors.ts";
import { fault, htmlText } from "./functions.ts";
import { formatValue, type TemplateValue } from "./go-format.ts";
import { HtmlPlace } from "./html-place.ts";
import type { Escaper } from "./template.ts";

/** What stands for a value that would be dangerous: Go's, so that people can look it up. */
const BLOCKED = "ZgotmplZ";

/** Attributes whose value is a URL. */
const URLS = new Set(
  [
    "action archive background cite classid codebase data formaction href icon imagesrcset",
    "longdesc manifest ping poster profile src srcset usemap",
  ].flatMap((names) => names.split(" ")),
);

/** Of a URL that has begun: what may come next. `odd` begins with what only HTML can tell. */
type UrlPart = "scheme" | "odd" | "path" | "query";

/** For one run of a template. */
export class HtmlEscaper implements Escaper {
  readonly #place = new HtmlPlace((character) => this.#written(character));
  #urlPart: UrlPart = "scheme";
  /** What a URL begins with as long as it may be the scheme, without spaces. */
  #urlStart = "";
  #hasValue = false;

  literal(text: string): void {
    this.#place.advance(text);
  }

  value(value: TemplateValue): string {
    const { state, element } = this.#place;
    switch (state) {
      case "text":
        return isSafe(value, "html") ? formatValue(value) : htmlText(plainText(value));
      case "raw":
        if (element === "script" || element === "style") throw refused(`in <${element}>`);
        return htmlText(plainText(value));
      case "markup":
      case "comment":
      case "bogusComment":
        return "";
      case "beforeValue":
        this.#place.beginValue("");
        return this.#attributeText(value);
      case "value":
        return this.#attributeText(value);
      default:
        throw refused("in a tag, but for the value of an attribute");
    }
  }

  #attributeText(value: TemplateValue): string {
    const text = this.#attributeValue(value);
    this.#hasValue = true;
    if (this.#place.quote !== "") return htmlText(text);
    // Without quotes, an empty value would take what comes next for its own.
    return text === "" ? BLOCKED : unquotedText(text);
  }

  #attributeValue(value: TemplateValue): string {
    const name = this.#place.attribute;
    if (name.startsWith("on") || name === "srcdoc") throw refused(`in the attribute ${name}`);
    if (name === "style") return styleText(plainText(value));
    return isUrlAttribute(name) ? this.#urlText(value) : plainText(value);
  }

  #urlText(value: TemplateValue): string {
    const isEncoded = isSafe(value, "url");
    const text = plainText(value);
    const isAllowed = isEncoded || this.#isSafeUrl(text);
    const isPart = !isEncoded && this.#urlPart === "query";
    const encoded = isAllowed ? encodedUrl(text, isPart) : `#${BLOCKED}`;
    for (const character of encoded) this.#urlGoesOn(character);
    return this.#place.attribute.endsWith("srcset") ? encoded.replaceAll(",", "%2C") : encoded;
  }

  /** Whether the scheme, if this text has one or ends one, is one that runs nothing. */
  #isSafeUrl(text: string): boolean {
    if (this.#urlPart === "odd") return false;
    if (this.#urlPart !== "scheme") return true;
    return isSafeScheme(this.#urlStart + withoutSpaces(text));
  }

  /** A character of an attribute's value that is written in the template. */
  #written(character: string): void {
    if (character === "") {
      this.#urlPart = "scheme";
      this.#urlStart = "";
      this.#hasValue = false;
      return;
    }
    if (!isUrlAttribute(this.#place.attribute)) return;
    const endsScheme = character === ":" && this.#urlPart === "scheme" && this.#hasValue;
    if (endsScheme && !isSafeScheme(`${this.#urlStart}:`)) throw refused("for a URL's scheme");
    if (character === "&" && this.#urlPart === "scheme") this.#urlPart = "odd";
    this.#urlGoesOn(character);
  }

  #urlGoesOn(character: string): void {
    if (this.#urlPart === "odd") return;
    if (/[?#]/.test(character)) this.#urlPart = "query";
    if (this.#urlPart !== "scheme") return;
    this.#urlStart += withoutSpaces(character);
    // No scheme that a browser knows is as long.
    if (/[:/]/.test(character) || this.#urlStart.length > 64) this.#urlPart = "path";
  }
}

function refused(place: string): OperationalError {
  return fault(`a value may not stand ${place}`);
}

function isSafe(value: TemplateValue, form: "html" | "url"): boolean {
  return typeof value === "object" && value?.kind === "safe" && value.form === form;
}

function plainText(value: TemplateValue): string {
  return typeof value === "object" && value?.kind === "safe" ? value.plain : formatValue(value);
}

function isUrlAttribute(name: string): boolean {
  const local = name.replace(/^data-/, "").replace(/^.*:/, "");
  return URLS.has(local) || /src|uri|url/.test(local);
}

/** Browsers leave them out of a scheme. */
function withoutSpaces(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  return text.replace(/[\u0000-\u0020]/g, "");
}

function isSafeScheme(start: string): boolean {
  const scheme = /^([^/?#:]*):/.exec(start)?.[1];
  return scheme === undefined || /^(?:https?|mailto)$/i.test(scheme);
}

/** With what no URL has in it encoded; of a part of one also what parts URLs. */
function encodedUrl(text: string, isPart: boolean): string {
  const others = isPart ? /[^\w.~-]/gu : /%(?![0-9A-Fa-f]{2})|[^\w.~!#$&*+,/:;=?@[\]%-]/gu;
  const wellFormed = Buffer.from(text).toString(); // a lone surrogate has no bytes
  return wellFormed.replace(others, (character) =>
    [...Buffer.from(character)]
      .map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, "0")}`)
      .join(""),
  );
}

/** A colour, a size, a word; nothing that calls or ends anything. */
function styleText(text: string): string {
  const isPlain = /^[\w#%.,+ -]*$/.test(text) && !text.includes("--");
  return isPlain && !/expression|moz-?binding/i.test(text) ? text : BLOCKED;
}

function unquotedText(text: string): string {
  return htmlText(text).replace(/[\t\n\v\f\r =`]/g, (one) => `&#${one.charCodeAt(0)};`);
}
