import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import {
  type Labels,
  labelPairs,
  labelsKey,
  labelValue,
  NO_LABELS,
  withLabel,
} from "../../shared/model/labels.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { Counter, Metrics } from "../../shared/telemetry/metrics.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import {
  type BlockLine,
  encodeBlock,
  LINE_METADATA_MAX,
  type SourceLines,
} from "../../shared/wire/line-block.ts";
import type { CommitItem, CommitOutcome } from "../model/commit.ts";
import { ApiError } from "./api-error.ts";
import { type PushedEntry, type PushedStream, streamText } from "./loki-push-body.ts";
import { RecentLines } from "./recent-lines.ts";

/** Where pushed lines go: blocks as an agent's, of streams of their own. */
export type PushStore = {
  position(node: string, streamId: string): { readonly lastSeq: number };
  /** @throws OperationalError STORAGE when they could not be written */
  commit(items: readonly CommitItem[], owner: object): Promise<readonly CommitOutcome[]>;
  /** Resolves when there is room for more. */
  room(): Promise<void>;
};

/** A line that was pushed and stored. */
export type PushedLine = {
  readonly labels: Labels;
  readonly timeUs: number;
  readonly bytes: Uint8Array;
};

export type PushDeps = {
  readonly store: PushStore;
  readonly clock: Clock;
  readonly metrics: Metrics;
};

export type PushOptions = {
  /** Lines that are older are refused: they would be dropped at once. */
  readonly retentionMs: number;
};

/** What a block of pushed lines has in place of its agent's stream. */
export const PUSH_STREAM = "push";
/** The node of lines that have no `instance`. */
const PUSH_NODE = "push";
const INSTANCE = "instance";
/** Different values of `instance`. */
const NODES_MAX = 1000;
/** How far ahead of our clock a line may be, as in Loki. */
const FUTURE_MAX_MS = 600_000;
const LINE_BYTES_MAX = 256 * 1024;
const METADATA_BYTES_MAX = 64 * 1024; // of one line, as in Loki
const LABELS_MAX = 60;
const NAME_LENGTH_MAX = 1024;
const VALUE_LENGTH_MAX = 2048;
/** Lines that are looked for in a push, and of those stored before the start. */
export const RECENT_LINES_MAX = 100_000;
/** Bytes of one block: what does not compress has to fit as well. */
const BLOCK_BYTES = 2 * 1024 * 1024;
const ENTRY_BYTES = 16;
const ROOM_WAIT_MS = 2000;

/** Loki's push API: its words, our store. A push is answered when its lines are on the disk. */
export class LokiPush {
  readonly #deps: PushDeps;
  readonly #options: PushOptions;
  readonly #recent = new RecentLines(RECENT_LINES_MAX);
  /** The last sequence of each node's stream. */
  readonly #lastSeqs = new Map<string, number>();
  readonly #lines: Counter;

  /** @param stored the newest lines that were pushed before */
  constructor(deps: PushDeps, options: PushOptions, stored: Iterable<PushedLine>) {
    this.#deps = deps;
    this.#options = options;
    for (const { labels, ...line } of stored) this.#recent.addStored(labels, line);
    this.#lines = deps.metrics.counter(
      "telltale_push_lines_total",
      "Log lines that clients pushed, by outcome.",
    );
  }

  /**
   * Stores what can be stored. What was stored a moment ago is not stored again.
   * @throws ApiError bad_data in Loki's words for what is wrong, when the rest is safe; too_many and
   * unavailable when nothing is
   */
  async push(streams: readonly PushedStream[]): Promise<void> {
    if (streams.length === 0) {
      throw new ApiError("execution", "error at least one valid stream is required for ingestion");
    }
    await this.#room();
    const batch = new Batch();
    for (const stream of streams) this.#add(batch, stream);
    // No turn of others between what was looked up and what is remembered.
    const committed = this.#commit(batch);
    try {
      await Promise.all([this.#recent.remember(batch.keys, committed), ...batch.others]);
    } catch (error) {
      throw commitError(error);
    }
    this.#lines.add(batch.keys.length, { outcome: "stored" });
    this.#lines.add(batch.known, { outcome: "duplicate" });
    this.#lines.add(batch.refused, { outcome: "refused" });
    if (batch.fault !== null) throw new ApiError("bad_data", batch.fault);
  }

  async #room(): Promise<void> {
    const { clock, store } = this.#deps;
    const late = () => new ApiError("too_many", "Ingestion rate limit exceeded: the store is full");
    await withDeadline({ clock, ms: ROOM_WAIT_MS, late }, () => store.room());
  }

  #add(batch: Batch, stream: PushedStream): void {
    const { labels, entries } = stream;
    const wrong = streamFault(labels);
    if (wrong !== null) {
      batch.refuse(wrong, entries.length);
      return;
    }
    const node = labelValue(labels, INSTANCE) || PUSH_NODE;
    if (!this.#isNodeTaken(node)) {
      const text = `Maximum active stream limit exceeded when trying to create stream ${streamText(labels)}`;
      batch.refuse(text, entries.length);
      return;
    }
    const nowMs = this.#deps.clock.nowMs();
    const known = this.#recent.of(withLabel(labels, INSTANCE, node)); // as it is stored
    for (const entry of entries) {
      const fault = this.#entryFault(labels, entry, nowMs);
      if (fault === null) batch.take(node, labels, entry, known.find(entry));
      else batch.refuse(fault, 1);
    }
  }

  #isNodeTaken(node: string): boolean {
    if (!this.#lastSeqs.has(node)) {
      if (this.#lastSeqs.size >= NODES_MAX) return false;
      this.#lastSeqs.set(node, this.#deps.store.position(node, PUSH_STREAM).lastSeq);
    }
    return true;
  }

  #entryFault(labels: Labels, entry: PushedEntry, nowMs: number): string | null {
    const { timeUs, bytes, metadata } = entry;
    const timeMs = timeUs / 1000;
    const oldestMs = nowMs - this.#options.retentionMs;
    const isInTime = timeMs <= nowMs + FUTURE_MAX_MS && timeMs >= oldestMs;
    if (isInTime && bytes.length <= LINE_BYTES_MAX) return metadataFault(labels, metadata);
    const stream = streamText(labels);
    if (isInTime) {
      return `Max entry size '${LINE_BYTES_MAX}' bytes exceeded for stream '${stream}' while adding an entry with length '${bytes.length}' bytes`;
    }
    const told = `entry for stream '${stream}' has timestamp`;
    const time = formatRfc3339(timeMs);
    if (timeMs > nowMs) return `${told} too new: ${time}`;
    return `${told} too old: ${time}, oldest acceptable timestamp is: ${formatRfc3339(oldestMs)}`;
  }

  async #commit(batch: Batch): Promise<void> {
    const { clock, store } = this.#deps;
    const items: CommitItem[] = [];
    for (const [node, sources] of batch.blocks()) {
      const seq = (this.#lastSeqs.get(node) ?? 0) + 1;
      this.#lastSeqs.set(node, seq);
      const bytes = encodeBlock(seq, clock.nowMs(), sources);
      items.push({ kind: "block", node, streamId: PUSH_STREAM, bytes });
    }
    if (items.length === 0) return;
    const outcomes = await store.commit(items, {});
    for (const outcome of outcomes) {
      if (outcome.kind === "stored") continue;
      throw new OperationalError("STORAGE", `A block of pushed lines is ${outcome.kind}`);
    }
  }
}

/** In Loki's words; null: the labels are good. */
function streamFault(labels: Labels): string | null {
  if (labels.length === 0) return "error at least one label pair is required per stream";
  const text = streamText(labels);
  const count = labels.length / 2;
  if (count > LABELS_MAX) {
    return `entry for stream '${text}' has ${count} label names; limit ${LABELS_MAX}`;
  }
  for (const [name, value] of labelPairs(labels)) {
    if (name.length > NAME_LENGTH_MAX) return `stream '${text}' has label name too long`;
    if (value.length > VALUE_LENGTH_MAX) {
      return `stream '${text}' has label value too long: label '${name}'`;
    }
  }
  return null;
}

function metadataFault(labels: Labels, metadata: Labels): string | null {
  const count = metadata.length / 2;
  if (count > LINE_METADATA_MAX) {
    return `stream '${streamText(labels)}' has too many structured metadata labels: '${count}', limit: '${LINE_METADATA_MAX}'`;
  }
  const bytes = labelBytes(metadata);
  if (bytes <= METADATA_BYTES_MAX) return null;
  return `stream '${streamText(labels)}' has structured metadata size too large: '${bytes}' bytes, limit: '${METADATA_BYTES_MAX}' bytes`;
}

/** A client comes again for both. */
function commitError(error: unknown): unknown {
  if (!(error instanceof OperationalError)) return error;
  const text = `cannot store the lines: ${errorMessage(error)}`;
  const isFull = /ENOSPC|no space left/i.test(text);
  return new ApiError(isFull ? "too_many" : "unavailable", text, { cause: error });
}

type Found = ReturnType<ReturnType<RecentLines["of"]>["find"]>;
type Group = { readonly labels: Labels; readonly lines: BlockLine[] };

/** What one push stores. */
class Batch {
  /** Of the lines that are stored. */
  readonly keys: string[] = [];
  /** Commits of other pushes that have lines of this one. */
  readonly others = new Set<Promise<unknown>>();
  known = 0;
  refused = 0;
  /** The first. */
  fault: string | null = null;
  readonly #ownKeys = new Set<string>();
  readonly #nodes = new Map<string, Map<string, Group>>();

  refuse(fault: string, lines: number): void {
    this.fault ??= fault;
    this.refused += lines;
  }

  take(
    node: string,
    labels: Labels,
    { timeUs, bytes, metadata }: PushedEntry,
    { isKnown, key, commit }: Found,
  ): void {
    if (commit !== null) this.others.add(commit);
    if (isKnown || this.#ownKeys.has(key)) {
      this.known += 1;
      return;
    }
    this.#ownKeys.add(key);
    this.keys.push(key);
    const groups = getOrInsert(this.#nodes, node, () => new Map<string, Group>());
    const group = getOrInsert(groups, labelsKey(labels), () => ({ labels, lines: [] }));
    const line = { timeUs, bytes, isCut: false };
    group.lines.push(metadata.length === 0 ? line : { ...line, metadata });
  }

  /** Lines of each node in blocks that are not too large. */
  *blocks(): Iterable<readonly [node: string, sources: readonly SourceLines[]]> {
    for (const [node, groups] of this.#nodes) {
      for (const sources of blocksOf(groups.values())) yield [node, sources];
    }
  }
}

function* blocksOf(groups: Iterable<Group>): Iterable<readonly SourceLines[]> {
  let sources: Group[] = [];
  let bytes = 0;
  for (const { labels, lines } of groups) {
    let source: Group | null = null;
    for (const line of lines) {
      if (bytes > BLOCK_BYTES) {
        yield sources;
        [sources, source, bytes] = [[], null, 0];
      }
      if (source === null) {
        source = { labels, lines: [] };
        sources.push(source);
        bytes += labelBytes(labels);
      }
      source.lines.push(line);
      bytes += line.bytes.length + labelBytes(line.metadata ?? NO_LABELS) + ENTRY_BYTES;
    }
  }
  if (sources.length > 0) yield sources;
}

function labelBytes(labels: Labels): number {
  return labels.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}
