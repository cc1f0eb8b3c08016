import type { RE2JS } from "re2js";
import { getOrInsert } from "../../../shared/model/get-or-insert.ts";
import { CardFinder } from "./card-number.ts";
import { KeywordFinder } from "./keyword-finder.ts";
import { keywordRules } from "./mask-rules.ts";
import { type MaskedText, type Secret, secretAt } from "./mask-secret.ts";
import { countMasked, type ShapeCounts } from "./shape-counts.ts";
import { latin1Text, type TextLine } from "./text-line.ts";

/**
 * A rule of the user: what the pattern's first group matched is masked, or all that it matched where
 * it has none. The engine's time is linear in the text.
 */
export type UserMaskRule = { readonly name: string; readonly pattern: RE2JS };

const AT_SIGN = 64;
/** RFC 3986, 3.2.1: `scheme://user:password@host`; up to the last `@` before the host. */
const URL_PASSWORD = /:\/\/[^\s/?#"'<>:@]*:([^\s/?#"'<>]+)@/g;
const KEY_BEGIN = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/y;
const KEY_END = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----/g;

/**
 * Replaces secrets in lines by `<masked:RULE>`. Most lines have none, so a region is searched as a
 * whole for what could begin one; only lines with such a thing are looked at closely.
 */
export class Masker {
  readonly #rules = keywordRules();
  readonly #finder = new KeywordFinder([...this.#rules, { text: "-----begin", at: 5 }]);
  readonly #cards = new CardFinder();
  readonly #userRules: readonly UserMaskRule[];
  readonly #counts: ShapeCounts;
  readonly #markers = new Map<string, Uint8Array>();
  #region: Uint8Array = new Uint8Array(0);
  /** The region once more: its `indexOf` takes a tenth of the time. */
  #buffer: Buffer = Buffer.alloc(0);
  #regionEnd = 0;
  #keywordAt = 0;
  #atSignAt = 0;
  #cardAt = 0;

  constructor(userRules: readonly UserMaskRule[], counts: ShapeCounts) {
    this.#userRules = userRules;
    this.#counts = counts;
  }

  /** Lines in [start, end) follow. */
  begin(bytes: Uint8Array, start: number, end: number): void {
    this.#region = bytes;
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#regionEnd = end;
    this.#keywordAt = this.#nextKeyword(start);
    this.#atSignAt = this.#nextAtSign(start);
    this.#cardAt = this.#nextCard(start);
  }

  /** Whether the line that ends at `end` may have a secret. Lines are asked about in their order. */
  mayMask(end: number): boolean {
    const isSuspect = this.#keywordAt < end || this.#atSignAt < end || this.#cardAt < end;
    if (this.#keywordAt < end) this.#keywordAt = this.#nextKeyword(end);
    if (this.#atSignAt < end) this.#atSignAt = this.#nextAtSign(end);
    if (this.#cardAt < end) this.#cardAt = this.#nextCard(end);
    return isSuspect || this.#userRules.length > 0;
  }

  /** True when the line ends in a private key that goes on in the lines behind it. */
  mask(line: TextLine): boolean {
    const text = latin1Text(line.bytes, line.start, line.end);
    const secrets: Secret[] = [];
    const opensKey = this.#keywordSecrets(line, text, secrets);
    this.#urlSecrets(text, secrets);
    this.#cardSecrets(line, text, secrets);
    if (secrets.length > 0) this.#replace(line, secrets);
    for (const rule of this.#userRules) this.#maskByUser(line, rule);
    return opensKey;
  }

  #nextKeyword(from: number): number {
    const at = this.#finder.next(this.#region, from, from, this.#regionEnd);
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  }

  #nextAtSign(from: number): number {
    const at = this.#buffer.indexOf(AT_SIGN, from);
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  }

  #nextCard(from: number): number {
    const at = this.#cards.next(this.#region, from, this.#regionEnd);
    return at < 0 ? Number.POSITIVE_INFINITY : at;
  }

  #keywordSecrets(line: TextLine, text: string, secrets: Secret[]): boolean {
    const { bytes, start, end, isCut } = line;
    const masked: MaskedText = { text, isCut };
    let opensKey = false;
    let covered = 0; // a secret of many names is looked at once
    for (
      let at = this.#finder.next(bytes, start, start, end);
      at >= 0;
      at = this.#finder.next(bytes, this.#finder.resume, start, end)
    ) {
      const rule = this.#rules[this.#finder.found];
      if (at - start < covered && rule?.isShort !== true) continue;
      const key = rule === undefined ? keySecret(text, at - start) : null;
      const secret = key ?? rule?.rule(masked, at - start) ?? null;
      if (secret === null) continue;
      if (key !== null) opensKey = !key.isWhole;
      covered = Math.max(covered, secret.end);
      secrets.push(secret);
    }
    return opensKey;
  }

  #urlSecrets(text: string, secrets: Secret[]): void {
    if (!text.includes("@")) return;
    for (const match of text.matchAll(URL_PASSWORD)) {
      const end = match.index + match[0].length - 1;
      pushSecret(secrets, secretAt("url-password", end - (match[1]?.length ?? 0), end));
    }
  }

  #cardSecrets({ bytes, start, end }: TextLine, text: string, secrets: Secret[]): void {
    let at = this.#cards.next(bytes, start, end);
    while (at >= 0) {
      const isJson = /^[{[]/.test(text) && /[:,[]\s?$/.test(text.slice(0, at - start).slice(-2));
      const quote = isJson ? '"' : "";
      pushSecret(secrets, secretAt("card-number", at - start, this.#cards.end - start, quote));
      at = this.#cards.next(bytes, this.#cards.end, end);
    }
  }

  #replace(line: TextLine, secrets: Secret[]): void {
    const parts: Uint8Array[] = [];
    let done = line.start;
    for (const { start, end, rule, quote } of merged(secrets)) {
      countMasked(this.#counts, rule);
      parts.push(line.bytes.subarray(done, line.start + start));
      parts.push(this.#marker(quote, rule));
      done = line.start + end;
    }
    parts.push(line.bytes.subarray(done, line.end));
    setBytes(line, Buffer.concat(parts));
  }

  #marker(quote: string, rule: string): Uint8Array {
    const text = `${quote}${markerOf(rule)}${quote}`;
    return getOrInsert(this.#markers, text, () => Buffer.from(text));
  }

  #maskByUser(line: TextLine, { name, pattern }: UserMaskRule): void {
    const bytes = line.bytes.subarray(line.start, line.end);
    const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
    const matcher = pattern.matcher(text);
    const group = matcher.groupCount() > 0 ? 1 : 0;
    let output = "";
    let done = 0;
    while (matcher.find()) {
      const [start, end] = [matcher.start(group), matcher.end(group)];
      if (start < done || end <= start) continue;
      output += text.slice(done, start) + markerOf(name);
      done = end;
      countMasked(this.#counts, name);
    }
    if (done > 0) setBytes(line, Buffer.from(output + text.slice(done)));
  }
}

export function markerOf(rule: string): string {
  return `<masked:${rule}>`;
}

function setBytes(line: TextLine, bytes: Uint8Array): void {
  line.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length);
  line.start = 0;
  line.end = bytes.length;
}

function pushSecret(secrets: Secret[], secret: Secret | null): void {
  if (secret !== null) secrets.push(secret);
}

/** In order, none over another: of two that overlap the first has the name, and covers both. */
function merged(secrets: Secret[]): Secret[] {
  secrets.sort((a, b) => a.start - b.start || b.end - a.end);
  const list: Secret[] = [];
  for (const secret of secrets) {
    const last = list.at(-1);
    if (last === undefined || secret.start >= last.end) list.push(secret);
    else if (secret.end > last.end) list[list.length - 1] = { ...last, end: secret.end };
  }
  return list;
}

/** RFC 7468; one that does not end in this line goes on in the next ones. */
function keySecret(text: string, at: number): (Secret & { readonly isWhole: boolean }) | null {
  KEY_BEGIN.lastIndex = at;
  if (!KEY_BEGIN.test(text)) return null;
  KEY_END.lastIndex = KEY_BEGIN.lastIndex;
  const isWhole = KEY_END.test(text);
  const end = isWhole ? KEY_END.lastIndex : text.length;
  return { start: at, end, rule: "private-key", quote: "", isWhole };
}
