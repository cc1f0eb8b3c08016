import { strict as assert } from "node:assert";
import { type ByteSpan, spanOf, spanText } from "../model/byte-span.ts";
import { getOrInsert } from "../model/get-or-insert.ts";
import { messageStart } from "./header.ts";
import { patternText, TEXT_BYTES_MAX } from "./line-text.ts";
import { findCrowdMerges, findMerges, isEventAt } from "./merge.ts";
import { current, newPattern, newShape, type Pattern, type Shape } from "./pattern.ts";
import { joinTemplate, patternId } from "./pattern-text.ts";
import { SkeletonCache } from "./skeleton-cache.ts";
import { LineScanner, MARKER } from "./split.ts";
import { keyOf, masked, shapeOf } from "./token-keys.ts";
import { type Tokens, tokenize } from "./tokens.ts";

// Lines in, patterns out, one line at a time. In the order in which they are asked:
//
// 1. The skeleton of a line (split.ts) is looked up by its hash. Most lines end here.
// 2. The message of an unknown skeleton, without its header (header.ts), becomes tokens (tokens.ts);
//    a pattern with the same tokens is looked up, or one that varies where they differ.
// 3. Otherwise it is a pattern of its own. From time to time those of one shape, i.e. with the same
//    number of tokens and the same punctuation, are compared (merge.ts): where many words differ in
//    one position, it varies, and the patterns become one, which keeps the id of the oldest.
//
// Invariants: the counts of all patterns add up to the lines that were added. An id that a line ever
// got leads to one pattern for ever: its own, or the one that it was merged into, or, when it was
// evicted or is not known any more, the one of all other lines. What a line leads to depends on the
// patterns and shapes alone, not on what is in the cache.

export type MinerLimits = {
  /** Beyond it those are evicted that were not seen for longest, measured by how often they come. */
  readonly patternsMax: number;
  /** Skeletons that are kept for a quick look. */
  readonly skeletonsMax: number;
};

const DEFAULT_LIMITS: MinerLimits = { patternsMax: 20_000, skeletonsMax: 65_536 };

/** Hears of what changes besides counts and times. */
export type MinerObserver = {
  /** A pattern or what it is merged into is new, or has another text. */
  changed(pattern: Pattern): void;
  shapeChanged(shape: Shape): void;
  /** One that was merged, and whose id is not known any more. */
  forgotten(pattern: Pattern): void;
};

/** A miner at rest. */
export type MinerState = {
  readonly nextNumber: number;
  readonly hasForgotten: boolean;
  /** Those that were merged included, by number: the first is that of all other lines. */
  readonly patterns: readonly Pattern[];
};

const MASKS_MAX = 50;
/** Of a pattern that was merged or evicted the id is kept, so many times as there are patterns. */
const MERGED_FACTOR = 4;
const EXAMPLE_LENGTH_MAX = 500;
/** Of UTF-8, for each unit of a string. */
const CHARACTER_BYTES_MAX = 3;

/** The pattern of lines whose own was evicted. */
export const OTHER_ID = "0000000000000000";

type Found = { readonly pattern: Pattern; readonly version: number };

export class Miner {
  /** Lines added, in all. */
  lines = 0;
  readonly #limits: MinerLimits;
  readonly #observer: MinerObserver | null;
  readonly #scanner = new LineScanner();
  readonly #bySkeleton: SkeletonCache<Found>;
  readonly #byTokens = new Map<string, Pattern>();
  readonly #byId = new Map<string, Pattern>();
  readonly #shapes = new Map<string, Shape>();
  /** Those that were merged or evicted, by id; oldest first. */
  readonly #merged = new Map<string, Pattern>();
  readonly #unsettled = new Set<Shape>();
  #hasForgotten = false;
  #nextNumber = 1;
  #other: Pattern;

  constructor(limits: MinerLimits = DEFAULT_LIMITS, observer: MinerObserver | null = null) {
    this.#limits = limits;
    this.#observer = observer;
    this.#bySkeleton = new SkeletonCache(limits.skeletonsMax);
    this.#other = otherPattern();
  }

  /** @returns the line's pattern; `current` says later what became of it */
  add(line: string, timeUs = 0): Pattern {
    return this.addBytes(spanOf(line), timeUs);
  }

  /** As `add`, of a line in UTF-8. */
  addBytes(line: ByteSpan, timeUs: number): Pattern {
    const scanner = this.#scanner;
    const isShort = line.end - line.start <= TEXT_BYTES_MAX;
    const isScanned = (isShort && scanner.scan(line)) || scanner.scan(patternText(line));
    assert(isScanned, "no escape is left");
    this.lines += 1;
    const found = this.#bySkeleton.get(scanner.high, scanner.low);
    const isKnown = found !== null && found.version === found.pattern.shape.version;
    const pattern = isKnown ? found.pattern : this.#find(line);
    pattern.count += 1;
    pattern.lastLine = this.lines;
    if (timeUs < pattern.firstUs) pattern.firstUs = timeUs;
    if (timeUs > pattern.lastUs) pattern.lastUs = timeUs;
    return pattern;
  }

  /** The pattern of all other lines. */
  get other(): Pattern {
    return this.#other;
  }

  get patternCount(): number {
    return this.#byId.size;
  }

  /** Of the next pattern that is made. */
  get nextNumber(): number {
    return this.#nextNumber;
  }

  /** Some ids are not known any more: a text alone no longer says whether its id was used. */
  get hasForgotten(): boolean {
    return this.#hasForgotten;
  }

  /** Takes back lines of a pattern. */
  takeBack(pattern: Pattern, lines: number): void {
    current(pattern).count -= lines;
    this.lines -= lines;
  }

  /** The id that the pattern of this id has now. */
  resolve(id: string): string {
    return this.find(id).id;
  }

  /** The pattern that an id stands for now. */
  find(id: string): Pattern {
    return current(this.#byId.get(id) ?? this.#merged.get(id) ?? this.#other);
  }

  /** Most frequent first; the counts add up to `lines`. */
  patterns(): Pattern[] {
    return [this.#other, ...this.#byId.values()]
      .filter(({ count }) => count > 0)
      .sort((a, b) => b.count - a.count || a.number - b.number);
  }

  /** Compares all patterns that are new since the last time. */
  settle(): void {
    for (const shape of this.#unsettled) {
      shape.isSettled = true;
      this.#compare(shape, true);
    }
    this.#unsettled.clear();
  }

  /** All that a miner needs to go on from here. */
  state(): MinerState {
    const patterns = [this.#other, ...this.#byId.values(), ...this.#merged.values()];
    return {
      nextNumber: this.#nextNumber,
      hasForgotten: this.#hasForgotten,
      patterns: patterns.sort((a, b) => a.number - b.number),
    };
  }

  /** Takes over, before the first line, where the miner stood whose state this is. */
  restore({ nextNumber, hasForgotten, patterns }: MinerState): void {
    this.#nextNumber = nextNumber;
    this.#hasForgotten = hasForgotten;
    for (const pattern of patterns) {
      const { id, texts, shape, mergedInto, count } = pattern;
      this.lines += count;
      if (pattern.number === 0) {
        this.#other = pattern;
        continue;
      }
      if (mergedInto !== null) {
        this.#merged.set(id, pattern);
        continue;
      }
      this.#byId.set(id, pattern);
      this.#byTokens.set(keyOf(texts), pattern);
      this.#shapes.set(shape.key, shape);
      if (!shape.isSettled) this.#unsettled.add(shape);
    }
  }

  /** Of the line that was scanned last. */
  #find(line: ByteSpan): Pattern {
    const { high, low } = this.#scanner;
    const { skeleton, variables } = this.#scanner.split();
    const start = messageStart(skeleton, variables);
    const tokens = tokenize(skeleton.slice(start));
    const key = shapeOf(tokens.texts);
    const shape = getOrInsert(this.#shapes, key, () => newShape(ownCopy(key)));
    const known = this.#matching(tokens, shape);
    const pattern = known ?? this.#make(shape, tokens, start > 0, exampleOf(line));
    this.#bySkeleton.set(high, low, { pattern, version: pattern.shape.version });
    return pattern;
  }

  #matching(tokens: Tokens, shape: Shape): Pattern | undefined {
    const exact = this.#byTokens.get(keyOf(tokens.texts));
    return exact ?? this.#generalOf(tokens, shape);
  }

  /** One that varies where a mask of the shape says so, and is the same elsewhere. */
  #generalOf(tokens: Tokens, shape: Shape): Pattern | undefined {
    for (const mask of shape.masks.values()) {
      if (mask.some((position) => isEventAt(tokens, position))) continue;
      const found = this.#byTokens.get(keyOf(masked(tokens.texts, mask)));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** @returns what became of it at once */
  #make(shape: Shape, tokens: Tokens, hasHeader: boolean, example: string): Pattern {
    const texts = tokens.texts.map(ownCopy);
    const id = this.#newId(texts);
    const own = { ...tokens, texts };
    const pattern: Pattern = newPattern({ number: this.#nextNumber, id }, own, shape, {
      hasHeader,
      example,
    });
    this.#nextNumber += 1;
    pattern.lastLine = this.lines;
    this.#byTokens.set(keyOf(texts), pattern);
    this.#byId.set(id, pattern);
    shape.patterns.push(pattern);
    shape.fresh += 1;
    shape.isSettled = false;
    this.#unsettled.add(shape);
    this.#observer?.changed(pattern);
    this.#observer?.shapeChanged(shape);
    // Lines that a later mask led elsewhere may be its own by an earlier one.
    const isMasked = (mask: readonly number[]) => mask.every((at) => texts[at] === MARKER);
    if ([...shape.masks.values()].some(isMasked)) shape.version += 1;
    if (shape.fresh >= Math.max(4, shape.patterns.length * 0.2)) this.#compare(shape, false);
    if (this.#byId.size > this.#limits.patternsMax) this.#evict();
    return current(pattern);
  }

  /** Merges what is one pattern. What was merged may look like one with others now. */
  #compare(shape: Shape, isSettled: boolean): void {
    shape.fresh = 0;
    this.#observer?.shapeChanged(shape);
    for (let round = 0; round < 4; round += 1) {
      const crowds = findCrowdMerges(shape.patterns);
      const sets = crowds.length > 0 ? crowds : findMerges(shape.patterns, isSettled);
      const merged = sets.filter((set) => this.#merge(set, shape));
      if (merged.length === 0) return;
      this.#absorb(shape);
      shape.patterns = shape.patterns.filter(({ mergedInto }) => mergedInto === null);
      shape.version += 1;
    }
  }

  /** False: the shape has too many masks, without which the merged would not be found again. */
  #merge(set: readonly Pattern[], shape: Shape): boolean {
    const [first, ...others] = set as [Pattern, ...Pattern[]];
    const texts = first.texts.map((text, i) =>
      others.every((other) => other.texts[i] === text) ? text : MARKER,
    );
    const differing = texts.flatMap((text, i) => (text !== first.texts[i] ? [i] : []));
    // Also where the oldest has a variable by its form others may have words.
    const varying = texts.flatMap((text, i) => (text === MARKER ? [i] : []));
    if (shape.masks.size + 2 > MASKS_MAX) return false;
    shape.masks.set(differing.join(), differing);
    shape.masks.set(varying.join(), varying);
    for (const one of set) this.#byTokens.delete(keyOf(one.texts));
    first.texts = texts;
    for (const other of others) this.#join(other, first);
    const same = this.#byTokens.get(keyOf(texts));
    if (same !== undefined && same !== first) this.#join(same, first);
    this.#byTokens.set(keyOf(texts), first);
    this.#observer?.changed(first);
    return true;
  }

  /** Patterns that one with more variables matches by now. */
  #absorb(shape: Shape): void {
    for (const pattern of shape.patterns) {
      if (pattern.mergedInto !== null) continue;
      const found = this.#generalOf(pattern, shape);
      if (found === undefined || found === pattern) continue;
      this.#byTokens.delete(keyOf(pattern.texts));
      this.#join(pattern, found);
    }
  }

  #join(from: Pattern, into: Pattern): void {
    into.count += from.count;
    into.leaves += from.leaves;
    into.lastLine = Math.max(into.lastLine, from.lastLine);
    into.firstUs = Math.min(into.firstUs, from.firstUs);
    into.lastUs = Math.max(into.lastUs, from.lastUs);
    Object.assign(from, { mergedInto: into, count: 0, texts: [], gaps: [], example: "" });
    from.lastLine = this.lines;
    this.#byId.delete(from.id);
    this.#merged.set(from.id, from);
    this.#observer?.changed(from);
    for (const [id, oldest] of this.#merged) {
      if (this.#merged.size <= this.#limits.patternsMax * MERGED_FACTOR) break;
      this.#merged.delete(id);
      this.#hasForgotten = true;
      this.#observer?.forgotten(oldest);
    }
  }

  #evict(): void {
    const idleness = (pattern: Pattern) => (this.lines - pattern.lastLine) / (pattern.count + 1);
    const byIdleness = [...this.#byId.values()]
      .map((pattern) => ({ pattern, idleness: idleness(pattern) }))
      .sort((a, b) => b.idleness - a.idleness || a.pattern.number - b.pattern.number);
    for (const { pattern } of byIdleness.slice(0, Math.ceil(this.#limits.patternsMax / 10))) {
      const { shape, texts } = pattern;
      this.#byTokens.delete(keyOf(texts));
      this.#join(pattern, this.#other);
      shape.version += 1;
      shape.patterns = shape.patterns.filter((one) => one !== pattern);
      this.#observer?.shapeChanged(shape);
      if (shape.patterns.length > 0) continue;
      this.#shapes.delete(shape.key);
      this.#unsettled.delete(shape);
    }
  }

  /** Of the text alone where that is not used yet, so that the same pattern has one id anywhere. */
  #newId(texts: readonly string[]): string {
    const key = keyOf(texts);
    let id = this.#hasForgotten ? patternId(`${key}\n${this.#nextNumber}`) : patternId(key);
    for (let salt = this.#nextNumber; this.#isUsed(id); salt += 1)
      id = patternId(`${key}\n${salt}`);
    return id;
  }

  #isUsed(id: string): boolean {
    return id === OTHER_ID || this.#byId.has(id) || this.#merged.has(id);
  }
}

export function otherPattern(): Pattern {
  const about = { hasHeader: false, example: "" };
  const tokens = { texts: [MARKER], gaps: [false] };
  return newPattern({ number: 0, id: OTHER_ID }, tokens, newShape(""), about);
}

/** As people read it. */
export function templateOf({ texts, gaps, hasHeader }: Pattern): string {
  return joinTemplate(texts, gaps, hasHeader);
}

/** Half a character at its end is replaced. */
function exampleOf(line: ByteSpan): string {
  const end = Math.min(line.end, line.start + EXAMPLE_LENGTH_MAX * CHARACTER_BYTES_MAX);
  const text = spanText(line, line.start, end).slice(0, EXAMPLE_LENGTH_MAX);
  return Buffer.from(text).toString();
}

/** A part of a string keeps all of it in memory; this copy does not. */
function ownCopy(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}
