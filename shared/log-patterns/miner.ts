import { getOrInsert } from "../model/get-or-insert.ts";
import { messageStart } from "./header.ts";
import { findMerges, isEventWord, isWord } from "./merge.ts";
import type { MinerState } from "./miner-state.ts";
import { joinTemplate, patternId } from "./pattern-text.ts";
import { MARKER, splitLine } from "./split.ts";
import { type Tokens, tokenize } from "./tokens.ts";

// Lines in, patterns out, one line at a time. In the order in which they are asked:
//
// 1. The skeleton of a line (split.ts) is looked up. Most lines end here.
// 2. The message of an unknown skeleton, without its header (header.ts), becomes tokens (tokens.ts);
//    a pattern with the same tokens is looked up, or one that varies where they differ.
// 3. Otherwise it is a pattern of its own. From time to time those of one shape, i.e. with the same
//    number of tokens and the same punctuation, are compared (merge.ts): where many words differ in
//    one position, it varies, and the patterns become one, which keeps the id of the oldest.
//
// Invariant: the counts of all patterns add up to the lines that were added. An id that a line ever
// got leads to one pattern for ever: its own, or the one that it was merged into, or, when it was
// evicted or is not known any more, the one of all other lines.

export type MinerLimits = {
  /** Beyond it those that were not seen for the longest time are evicted. */
  readonly patternsMax: number;
  /** Skeletons that are kept for a quick look. */
  readonly skeletonsMax: number;
};

const DEFAULT_LIMITS: MinerLimits = { patternsMax: 20_000, skeletonsMax: 50_000 };

export type PatternSummary = {
  readonly id: string;
  readonly template: string;
  readonly count: number;
};

/** What is beyond it tells no two patterns apart, in UTF-16 units. */
const MESSAGE_LENGTH_MAX = 4096;
const MASKS_MAX = 50;
/** Of a pattern that was merged or evicted the id is kept, so many times as there are patterns. */
const MERGED_IDS_FACTOR = 4;

/** The pattern of lines whose own was evicted. */
export const OTHER_ID = "0000000000000000";

type Pattern = {
  readonly id: string;
  texts: readonly string[];
  readonly gaps: readonly boolean[];
  readonly hasHeader: boolean;
  count: number;
  leaves: number;
  /** The number of the last line, counted from 1. */
  lastLine: number;
  mergedInto: Pattern | null;
};

/** Patterns of one shape. */
type Shape = {
  patterns: Pattern[];
  /** Those since the last comparison. */
  fresh: number;
  /** Positions that vary in one of them by comparison. */
  masks: Map<string, readonly number[]>;
};

export class Miner {
  /** Lines added, in all. */
  lines = 0;
  readonly #limits: MinerLimits;
  readonly #bySkeleton = new Map<string, Pattern>();
  readonly #byTokens = new Map<string, Pattern>();
  readonly #byId = new Map<string, Pattern>();
  readonly #shapes = new Map<string, Shape>();
  /** From an id to the one that it was merged into; oldest first. */
  readonly #mergedIds = new Map<string, string>();
  /** Some ids are not known any more: a text alone no longer says whether its id was used. */
  #hasForgotten = false;
  readonly #other: Pattern;

  constructor(limits: MinerLimits = DEFAULT_LIMITS) {
    this.#limits = limits;
    this.#other = newPattern(OTHER_ID, { texts: [MARKER], gaps: [false] }, false);
  }

  /** @returns the id of the line's pattern; `resolve` says later what became of it */
  add(line: string): string {
    const { skeleton, variables } = splitLine(
      line.length > MESSAGE_LENGTH_MAX ? line.slice(0, MESSAGE_LENGTH_MAX) : line,
    );
    return this.addSplit(skeleton, variables);
  }

  /** As `add`, of a line that is split already. */
  addSplit(skeleton: string, variables: readonly string[]): string {
    this.lines += 1;
    const known = this.#bySkeleton.get(skeleton);
    const pattern = known === undefined ? this.#find(skeleton, variables) : current(known);
    pattern.count += 1;
    pattern.lastLine = this.lines;
    return pattern.id;
  }

  /** The id that the pattern of this id has now. */
  resolve(id: string): string {
    let now = id;
    while (!this.#byId.has(now)) {
      const next = this.#mergedIds.get(now);
      if (next === undefined) return OTHER_ID;
      now = next;
    }
    return now;
  }

  /** Most frequent first; the counts add up to `lines`. */
  patterns(): PatternSummary[] {
    const all = [...this.#byId.values()];
    if (this.#other.count > 0) all.push(this.#other);
    return all
      .map((pattern) => ({ id: pattern.id, template: templateOf(pattern), count: pattern.count }))
      .sort((a, b) => b.count - a.count || (a.id < b.id ? -1 : 1));
  }

  /** Compares all patterns: for the end of a file, or from time to time. */
  settle(): void {
    for (const shape of this.#shapes.values()) this.#compare(shape, true);
  }

  /** All that a miner needs to go on from here. */
  state(): MinerState {
    return {
      version: 1,
      lines: this.lines,
      otherCount: this.#other.count,
      hasForgotten: this.#hasForgotten,
      mergedIds: [...this.#mergedIds],
      shapes: [...this.#shapes.values()].map(({ patterns, fresh, masks }) => ({
        fresh,
        masks: [...masks.values()],
        patterns: patterns.map(({ mergedInto: _, ...pattern }) => pattern),
      })),
    };
  }

  /** Takes over where the miner stood whose state this is. */
  static from(state: MinerState, limits: MinerLimits = DEFAULT_LIMITS): Miner {
    const miner = new Miner(limits);
    miner.lines = state.lines;
    miner.#other.count = state.otherCount;
    miner.#hasForgotten = state.hasForgotten;
    for (const [from, into] of state.mergedIds) miner.#mergedIds.set(from, into);
    for (const { fresh, masks, patterns } of state.shapes) {
      const shape: Shape = { patterns: [], fresh, masks: new Map() };
      for (const mask of masks) shape.masks.set(mask.join(), mask);
      for (const saved of patterns) {
        const pattern: Pattern = { ...saved, mergedInto: null };
        shape.patterns.push(pattern);
        miner.#byId.set(pattern.id, pattern);
        miner.#byTokens.set(keyOf(pattern.texts), pattern);
        miner.#shapes.set(shapeOf(pattern.texts), shape);
      }
    }
    return miner;
  }

  #find(skeleton: string, variables: readonly string[]): Pattern {
    const start = messageStart(skeleton, variables);
    const tokens = tokenize(ownCopy(skeleton.slice(start, start + MESSAGE_LENGTH_MAX)));
    const shapeKey = shapeOf(tokens.texts);
    const shape = getOrInsert(this.#shapes, shapeKey, newShape);
    let pattern = this.#matching(tokens.texts, shape);
    if (pattern === undefined) {
      pattern = newPattern(this.#newId(tokens.texts), tokens, start > 0);
      this.#byTokens.set(keyOf(tokens.texts), pattern);
      this.#byId.set(pattern.id, pattern);
      shape.patterns.push(pattern);
      shape.fresh += 1;
      pattern.lastLine = this.lines;
      if (shape.fresh >= Math.max(4, shape.patterns.length * 0.2)) this.#compare(shape, false);
      if (this.#byId.size > this.#limits.patternsMax) this.#evict();
      pattern = current(pattern);
    }
    if (this.#bySkeleton.size >= this.#limits.skeletonsMax) this.#bySkeleton.clear();
    this.#bySkeleton.set(ownCopy(skeleton), pattern);
    return pattern;
  }

  #matching(texts: readonly string[], shape: Shape): Pattern | undefined {
    const exact = this.#byTokens.get(keyOf(texts));
    if (exact !== undefined) return exact;
    for (const mask of shape.masks.values()) {
      if (mask.some((position) => isEventWord(texts[position] as string))) continue;
      const found = this.#byTokens.get(keyOf(masked(texts, mask)));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** Merges what is one pattern. What was merged may look like one with others now. */
  #compare(shape: Shape, isSettled: boolean): void {
    shape.fresh = 0;
    for (let round = 0; round < 4; round += 1) {
      const sets = findMerges(shape.patterns, isSettled);
      if (sets.length === 0) return;
      const merged = sets.filter((set) => this.#merge(set, shape));
      if (merged.length === 0) return;
      this.#absorb(shape);
      shape.patterns = shape.patterns.filter(({ mergedInto }) => mergedInto === null);
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
    return true;
  }

  /** Patterns that one with more variables matches by now. */
  #absorb(shape: Shape): void {
    for (const pattern of shape.patterns) {
      if (pattern.mergedInto !== null) continue;
      for (const mask of shape.masks.values()) {
        if (mask.some((position) => isEventWord(pattern.texts[position] as string))) continue;
        const found = this.#byTokens.get(keyOf(masked(pattern.texts, mask)));
        if (found === undefined || found === pattern) continue;
        this.#byTokens.delete(keyOf(pattern.texts));
        this.#join(pattern, found);
        break;
      }
    }
  }

  #join(from: Pattern, into: Pattern): void {
    from.mergedInto = into;
    into.count += from.count;
    into.leaves += from.leaves;
    into.lastLine = Math.max(into.lastLine, from.lastLine);
    this.#byId.delete(from.id);
    this.#mergedIds.set(from.id, into.id);
    const idsMax = this.#limits.patternsMax * MERGED_IDS_FACTOR;
    for (const id of this.#mergedIds.keys()) {
      if (this.#mergedIds.size <= idsMax) break;
      this.#mergedIds.delete(id);
      this.#hasForgotten = true;
    }
  }

  #evict(): void {
    const byAge = [...this.#byId.values()].sort((a, b) => a.lastLine - b.lastLine);
    for (const pattern of byAge.slice(0, Math.ceil(this.#limits.patternsMax / 10))) {
      this.#byTokens.delete(keyOf(pattern.texts));
      this.#join(pattern, this.#other);
    }
    for (const [key, shape] of this.#shapes) {
      shape.patterns = shape.patterns.filter(({ mergedInto }) => mergedInto === null);
      if (shape.patterns.length === 0) this.#shapes.delete(key);
    }
  }

  /** Of the text alone where that is not used yet, so that the same pattern has one id anywhere. */
  #newId(texts: readonly string[]): string {
    const key = keyOf(texts);
    let id = this.#hasForgotten ? patternId(`${key}\n${this.lines}`) : patternId(key);
    for (let salt = this.lines; this.#isUsed(id); salt += 1) id = patternId(`${key}\n${salt}`);
    return id;
  }

  #isUsed(id: string): boolean {
    return id === OTHER_ID || this.#byId.has(id) || this.#mergedIds.has(id);
  }
}

function newPattern(id: string, { texts, gaps }: Tokens, hasHeader: boolean): Pattern {
  return { id, texts, gaps, hasHeader, count: 0, leaves: 1, lastLine: 0, mergedInto: null };
}

function newShape(): Shape {
  return { patterns: [], fresh: 0, masks: new Map() };
}

function current(pattern: Pattern): Pattern {
  let now = pattern;
  while (now.mergedInto !== null) now = now.mergedInto;
  return now;
}

/** No token has a space. */
function keyOf(texts: readonly string[]): string {
  return texts.join(" ");
}

/** A part of a string keeps all of it in memory; this copy does not. */
function ownCopy(text: string): string {
  return Buffer.from(text, "utf16le").toString("utf16le");
}

function shapeOf(texts: readonly string[]): string {
  let key = "";
  for (const text of texts) key += text === MARKER || isWord(text) ? "w" : text;
  return key;
}

function masked(texts: readonly string[], mask: readonly number[]): string[] {
  const copy = [...texts];
  for (const position of mask) copy[position] = MARKER;
  return copy;
}

function templateOf({ texts, gaps, hasHeader }: Pattern): string {
  return joinTemplate(texts, gaps, hasHeader);
}
