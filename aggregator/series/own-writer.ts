import { OperationalError } from "../../shared/errors.ts";
import type { VectorSample } from "../../shared/model/columns.ts";
import { getOrInsert } from "../../shared/model/get-or-insert.ts";
import { labelsKey } from "../../shared/model/labels.ts";
import { DOUBLE_SCALE } from "../../shared/model/series-definition.ts";
import { SerialQueue } from "../../shared/time/serial-queue.ts";
import { TICK_GROUP } from "../../shared/wire/frame.ts";
import { FrameEncoder } from "../../shared/wire/frame-encoder.ts";
import type { CommitItem, CommitOutcome } from "../model/commit.ts";
import type { Stream } from "./stream.ts";

/** The node that the aggregator's own streams are of: none. */
export const OWN_NODE = "";
const KEYFRAME_EVERY = 240;
/** Rules that are late or read again may write this much out of order; it is not the clock. */
const SET_BACK_MS = 1000;

/**
 * One group of the aggregator's own series, as a stream of its own. A new writer begins a new
 * epoch, so what the group wrote before and does not write now ends with its first write.
 */
export class OwnWriter {
  readonly #group: string;
  readonly #stream: () => Stream | undefined;
  readonly #commit: (items: readonly CommitItem[]) => Promise<readonly CommitOutcome[]>;
  readonly #encoder: FrameEncoder;
  readonly #turns = new SerialQueue();
  readonly #slots = new Map<string, { readonly slot: number; tick: number }>();
  #epoch: number;
  #lastTimeMs: number;
  #tick = 0;

  /** @param stream the group's, once it has one */
  constructor(
    group: string,
    stream: () => Stream | undefined,
    commit: (items: readonly CommitItem[]) => Promise<readonly CommitOutcome[]>,
  ) {
    this.#group = group;
    this.#stream = stream;
    this.#commit = commit;
    this.#epoch = (stream()?.decoder.epoch ?? 0) + 1;
    this.#lastTimeMs = stream()?.lastTimeMs ?? 0;
    this.#encoder = new FrameEncoder(this.#epoch, { keyframeEvery: KEYFRAME_EVERY });
  }

  /**
   * False, and nothing is written, when the group has been written at this time or a later one; far
   * before the last time the clock was set back, and a new epoch goes on from here.
   */
  async write(timeMs: number, samples: readonly VectorSample[]): Promise<boolean> {
    return await this.#turns.run(() => this.#writeNow(timeMs, samples));
  }

  async #writeNow(timeMs: number, samples: readonly VectorSample[]): Promise<boolean> {
    const isBack = timeMs <= this.#lastTimeMs - SET_BACK_MS;
    if (timeMs <= this.#lastTimeMs && !isBack) return false;
    if (samples.length === 0 && (this.#stream()?.seriesAlive ?? 0) === 0) return true;
    if (isBack) this.#beginEpoch();
    this.#tick += 1;
    for (const { labels, value } of samples) this.#set(labels, value);
    for (const [key, entry] of this.#slots) {
      if (entry.tick === this.#tick) continue;
      this.#encoder.retire(entry.slot);
      this.#slots.delete(key);
    }
    const frame = this.#encoder.encodeTick(timeMs);
    const place = { node: OWN_NODE, streamId: this.#group };
    const items: CommitItem[] = [];
    if (frame.definitions.length > 0) {
      items.push({ kind: "series", ...place, epoch: this.#epoch, series: frame.definitions });
    }
    items.push({ kind: "frame", ...place, bytes: frame.bytes });
    await this.#commitFrame(items);
    this.#lastTimeMs = timeMs;
    return true;
  }

  async #commitFrame(items: readonly CommitItem[]): Promise<void> {
    try {
      const outcomes = await this.#commit(items);
      for (const outcome of outcomes) {
        if (outcome.kind !== "rejected") continue;
        throw new OperationalError("LIMIT", `Group "${this.#group}": ${outcome.detail}`);
      }
    } catch (error) {
      // What the frame said is lost; the next one says everything anew.
      this.#beginEpoch();
      throw error;
    }
  }

  #beginEpoch(): void {
    this.#epoch += 1;
    this.#encoder.beginEpoch(this.#epoch);
  }

  #set(labels: VectorSample["labels"], value: number): void {
    const entry = getOrInsert(this.#slots, labelsKey(labels), () => {
      return { slot: this.#encoder.define(TICK_GROUP, DOUBLE_SCALE, labels), tick: 0 };
    });
    entry.tick = this.#tick;
    this.#encoder.set(entry.slot, value);
  }
}
