import { strict as assert } from "node:assert";
import { OperationalError } from "../errors.ts";
import { EPOCH_FRAMES_MAX, EPOCH_MAX, epochOfSeq, seqOf } from "../model/sequence.ts";
import { DOUBLE_SCALE, type SeriesDefinition } from "../model/series-definition.ts";
import { ByteReader, checkedBody, grown } from "./bytes.ts";
import {
  FLAG_KEYFRAME,
  FRAME_BYTES_MAX,
  FRAME_GROUPS_MAX,
  FRAME_TIME_END,
  FRAME_VERSION,
  type FrameHeader,
  STREAM_SERIES_MAX,
} from "./frame.ts";
import { frameFault, GROUP_BITS_MIN, GroupReader, type ParsedGroup } from "./frame-input.ts";
import { FrameOutput } from "./frame-output.ts";

export type ParsedFrame = FrameHeader & { readonly groups: readonly ParsedGroup[] };

/**
 * Checks a frame's checksum and reads its head.
 * @throws OperationalError PARSE when the bytes are not a frame of this version
 */
export function readFrameHeader(bytes: Uint8Array): FrameHeader {
  return readHeader(openFrame(bytes));
}

/**
 * Reads a whole frame; pure, and nothing is allocated that the bytes do not pay for.
 * @throws OperationalError PARSE when the bytes are not a frame of this version
 */
export function parseFrame(bytes: Uint8Array): ParsedFrame {
  const reader = openFrame(bytes);
  const header = readHeader(reader);
  const groupCount = reader.count(GROUP_BITS_MIN / 8);
  if (groupCount > header.seriesCount + 1) {
    const counts = `${groupCount} groups of ${header.seriesCount} series`;
    throw new OperationalError("PARSE", `frame ${header.seq} has ${counts}`);
  }
  const groups: ParsedGroup[] = [];
  const groupReader = new GroupReader(reader, header);
  let named = 0;
  for (let i = 0; i < groupCount; i += 1) {
    const group = groupReader.read();
    const fault = groupFault(group, header);
    if (fault !== null) throw frameFault(`${header.seq} ${fault}`);
    named += group.ended.length + group.changed.length;
    if (named > header.seriesCount) {
      throw frameFault(`${header.seq} names ${named} of ${header.seriesCount} series`);
    }
    groups.push(group);
  }
  reader.align();
  reader.end();
  const twice = namedTwice(groups);
  if (twice !== null) throw frameFault(`${header.seq} names series ${twice} twice`);
  return { ...header, groups };
}

function groupFault(group: ParsedGroup, { isKeyframe, timeMs }: FrameHeader): string | null {
  if (isKeyframe && group.ended.length > 0) return "ends series in a keyframe";
  if (!isKeyframe && !group.isRead && group.changed.length > 0) {
    return "changes a group that was not read";
  }
  if (group.group >= FRAME_GROUPS_MAX) return `has group ${group.group}`;
  return group.ageMs > timeMs ? `has a reading ${group.ageMs} ms old` : null;
}

/** By id, a bit for each, all 0 between two frames: frames come too fast to make one for each. */
const isNamed = new Uint8Array(Math.ceil(STREAM_SERIES_MAX / 8));

/** A series in two of the lists. */
function namedTwice(groups: readonly ParsedGroup[]): number | null {
  let twice: number | null = null;
  for (const { ended, changed } of groups) twice = nameAll(ended) ?? nameAll(changed) ?? twice;
  for (const { ended, changed } of groups) {
    for (const id of ended) isNamed[id >>> 3] = 0;
    for (const id of changed) isNamed[id >>> 3] = 0;
  }
  return twice;
}

function nameAll(ids: readonly number[]): number | null {
  let twice: number | null = null;
  for (const id of ids) {
    const bit = 1 << (id & 7);
    const known = isNamed[id >>> 3] ?? 0;
    if ((known & bit) !== 0) twice = id;
    isNamed[id >>> 3] = known | bit;
  }
  return twice;
}

function openFrame(bytes: Uint8Array): ByteReader {
  if (bytes.length > FRAME_BYTES_MAX) {
    throw frameFault(`of ${bytes.length} bytes is over ${FRAME_BYTES_MAX}`);
  }
  return new ByteReader(checkedBody(bytes, "frame"), "frame");
}

function readHeader(reader: ByteReader): FrameHeader {
  const version = reader.byte();
  if (version !== FRAME_VERSION) {
    throw frameFault(`has version ${version}, this program reads version ${FRAME_VERSION}`);
  }
  const flags = reader.byte();
  const seq = readSeq(reader);
  const timeMs = reader.varint();
  const seriesCount = reader.varint();
  if (flags > FLAG_KEYFRAME || seriesCount > STREAM_SERIES_MAX || timeMs >= FRAME_TIME_END) {
    throw frameFault(`${seq} has flags ${flags}, ${seriesCount} series, time ${timeMs}`);
  }
  return { seq, timeMs, isKeyframe: flags === FLAG_KEYFRAME, seriesCount };
}

function readSeq(reader: ByteReader): number {
  const epoch = reader.varint();
  const count = reader.varint();
  if (epoch <= EPOCH_MAX && count <= EPOCH_FRAMES_MAX) return seqOf(epoch, count);
  throw frameFault(`${count} of epoch ${epoch} is beyond all`);
}

/** Unix milliseconds. */
export type GroupReading = { readonly group: number; readonly timeMs: number };

export type FrameVerdict = "take" | "duplicate" | "no-base" | "unknown-series";

/**
 * The state of one stream at its reader: the series table of the current epoch, which series are
 * alive and their last values. `check`, then `apply`: nothing changes before the frame is known to
 * be good.
 */
export class StreamDecoder {
  #epoch = 0;
  #lastSeq = 0;
  #lastTimeMs = 0;
  #definitions: SeriesDefinition[] = [];
  #isAlive = new Uint8Array(64);
  #values = new Float64Array(64);
  #members = new Map<number, number[]>();
  #ended: number[] = [];
  #readings: GroupReading[] = [];

  get epoch(): number {
    return this.#epoch;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get lastTimeMs(): number {
    return this.#lastTimeMs;
  }

  get seriesKnown(): number {
    return this.#definitions.length;
  }

  get definitions(): readonly SeriesDefinition[] {
    return this.#definitions;
  }

  /** By id: 1 for a series that is alive. */
  get isAlive(): Uint8Array {
    return this.#isAlive;
  }

  /** By id: the last raw value. */
  get values(): Float64Array {
    return this.#values;
  }

  /** Series that the last frame ended. */
  get ended(): readonly number[] {
    return this.#ended;
  }

  /** Readings of groups that the last frame brought. */
  get readings(): readonly GroupReading[] {
    return this.#readings;
  }

  /** Ids of the living series of a group, ascending. */
  aliveOfGroup(group: number): readonly number[] {
    return this.#members.get(group) ?? [];
  }

  /**
   * Adds definitions: the next ids of this epoch, or those from 0 of a later one, which forgets
   * the table and the values of the epoch before.
   * @throws OperationalError PROTOCOL when ids or epoch do not follow
   */
  define(epoch: number, definitions: readonly SeriesDefinition[]): void {
    const isNext = epoch > this.#epoch;
    let expectedId = isNext ? 0 : this.#definitions.length;
    if (epoch < this.#epoch) {
      throw new OperationalError("PROTOCOL", `Series of epoch ${epoch} after ${this.#epoch}`);
    }
    for (const definition of definitions) {
      if (definition.id !== expectedId || expectedId >= STREAM_SERIES_MAX) {
        const what = `Series ${definition.id} of epoch ${epoch}`;
        throw new OperationalError("PROTOCOL", `${what} where ${expectedId} should follow`);
      }
      expectedId += 1;
    }
    if (isNext) this.#forget(epoch);
    for (const definition of definitions) this.#definitions.push(definition);
    this.#grow();
  }

  /** What is to be done with a frame; pure. */
  check(frame: FrameHeader): FrameVerdict {
    if (frame.seq <= this.#lastSeq) return "duplicate";
    if (epochOfSeq(frame.seq) !== this.#epoch || frame.seriesCount > this.#definitions.length) {
      return "unknown-series";
    }
    if (!frame.isKeyframe && frame.seq !== this.#lastSeq + 1) return "no-base";
    return "take";
  }

  /** Takes a frame for which `check` said "take". */
  apply(frame: ParsedFrame): void {
    assert(this.check(frame) === "take");
    this.#lastSeq = frame.seq;
    this.#lastTimeMs = frame.timeMs;
    this.#ended = frame.isKeyframe ? this.#endUnnamed(frame) : [];
    this.#readings = [];
    for (const group of frame.groups) {
      if (group.isRead) {
        this.#readings.push({ group: group.group, timeMs: frame.timeMs - group.ageMs });
      }
      for (const id of group.ended) this.#end(id);
      this.#change(group, frame.isKeyframe);
    }
  }

  /**
   * The state as a keyframe: `define` everything and `apply` it to be here again.
   * @param timeMs not before any reading
   * @param readAtMs when a group was read last
   */
  snapshot(timeMs: number, readAtMs: (group: number) => number): Uint8Array {
    const groups = [...this.#members].filter(([, ids]) => ids.length > 0);
    groups.sort(([a], [b]) => a - b);
    const output = new FrameOutput();
    output.begin({
      seq: this.#lastSeq,
      timeMs,
      isKeyframe: true,
      seriesCount: this.#definitions.length,
      groupCount: groups.length,
    });
    for (const [group, ids] of groups) {
      const ageMs = timeMs - readAtMs(group);
      output.group({ group, isRead: false, ageMs, endedCount: 0, changedCount: ids.length });
      for (const id of ids) {
        const value = this.#values[id] ?? 0;
        if (this.#definitions[id]?.scale === DOUBLE_SCALE) output.changedDouble(id, value);
        else output.changed(id, value, 0);
      }
    }
    return output.finish();
  }

  #forget(epoch: number): void {
    this.#epoch = epoch;
    this.#definitions = [];
    this.#isAlive.fill(0);
    this.#members = new Map();
    this.#ended = [];
    this.#readings = [];
  }

  #grow(): void {
    const count = this.#definitions.length;
    if (count <= this.#values.length) return;
    const capacity = Math.max(count, this.#values.length * 2);
    this.#values = grown(this.#values, new Float64Array(capacity));
    this.#isAlive = grown(this.#isAlive, new Uint8Array(capacity));
  }

  #endUnnamed(frame: ParsedFrame): number[] {
    const named = new Set<number>();
    for (const group of frame.groups) for (const id of group.changed) named.add(id);
    const ended: number[] = [];
    for (const ids of this.#members.values()) {
      for (const id of ids) if (!named.has(id)) ended.push(id);
    }
    for (const id of ended) this.#remove(id);
    return ended;
  }

  #end(id: number): void {
    if (this.#isAlive[id] !== 1) return;
    this.#remove(id);
    this.#ended.push(id);
  }

  #remove(id: number): void {
    this.#isAlive[id] = 0;
    const ids = this.#members.get(this.#groupOf(id));
    const index = ids === undefined ? -1 : indexOfId(ids, id);
    if (ids !== undefined && ids[index] === id) ids.splice(index, 1);
  }

  #change(group: ParsedGroup, isKeyframe: boolean): void {
    for (let i = 0; i < group.changed.length; i += 1) {
      const id = group.changed[i] ?? 0;
      const value = group.values[i] ?? 0;
      const isAlive = this.#isAlive[id] === 1;
      const isDelta = group.isAbsolute[i] === 0 && isAlive && !isKeyframe;
      this.#values[id] = isDelta ? (this.#values[id] ?? 0) + value : value;
      if (!isAlive) this.#begin(id);
    }
  }

  #begin(id: number): void {
    this.#isAlive[id] = 1;
    const group = this.#groupOf(id);
    const ids = this.#members.get(group);
    if (ids === undefined) this.#members.set(group, [id]);
    else ids.splice(indexOfId(ids, id), 0, id);
  }

  #groupOf(id: number): number {
    return this.#definitions[id]?.group ?? 0;
  }
}

/** Where `id` stands in ascending ids, or would have to be put. */
function indexOfId(ids: readonly number[], id: number): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] ?? 0) < id) low = middle + 1;
    else high = middle;
  }
  return low;
}
