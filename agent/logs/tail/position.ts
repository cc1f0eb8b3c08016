/**
 * How far a file was read, as it is kept over a restart. A file is known again by device and inode
 * together with its content: the hash of its first bytes, and of those before the offset. So a name
 * or an inode that was given to another file is seen, and so is a copy, compressed or not.
 */
import { createHash } from "node:crypto";
import { OperationalError } from "../../../shared/errors.ts";
import type { Cursor } from "./ports.ts";

/** Of the head of a file. */
export const HEAD_BYTES_MAX = 1024;
/** Before the offset. */
export const TAIL_BYTES_MAX = 256;
export const MARKS_MAX = 8;

const HASH_BYTES = 16;
const CURSOR_PREFIX = "file/";

/** The hash of `bytes` bytes that end at `end`. */
export type Mark = { readonly end: number; readonly bytes: number; readonly hash: string };

export const NO_MARK: Mark = { end: 0, bytes: 0, hash: "" };

/** What was written to a file after it was copied and before it was truncated is nowhere. */
export type Truncation = {
  /** Of the file as it was last seen. */
  readonly size: number;
  /** What was written later was written within these, both inclusive: Unix milliseconds. */
  readonly fromMs: number;
  readonly untilMs: number;
};

export type Position = {
  /** Never used for two files; of one path the later file has the greater. */
  readonly id: number;
  /** The path that it is or was followed under; lines have its labels. */
  readonly path: string;
  readonly device: number;
  readonly inode: number;
  /** Offsets are of the content, not of the compressed bytes. */
  readonly isCompressed: boolean;
  /** Without bytes: the file was empty. */
  readonly head: Mark;
  /** The end of what was there when it was begun, where nobody has read up to there yet. */
  readonly seen: Mark;
  /** All lines that end up to here are in the sink. */
  readonly offset: number;
  /**
   * Of the bytes before the offset, and before where it was at earlier looks, newest last: a copy
   * may have been made before the last lines were read. Each ends at `offset` or before.
   */
  readonly marks: readonly Mark[];
  /** At the last look. */
  readonly size: number;
  readonly mtimeMs: number;
  /** Not null: it was truncated, and this is read of a copy. */
  readonly truncation: Truncation | null;
  /** The copy that is left of it ends before the offset. */
  readonly isShort: boolean;
  /** Read to its end, and another file has its place. */
  readonly isDone: boolean;
};

export function markOf(bytes: Uint8Array, end: number): Mark {
  const hash = createHash("sha256").update(bytes).digest().subarray(0, HASH_BYTES);
  return { end, bytes: bytes.length, hash: hash.toString("base64url") };
}

/** What the content of a file is known by that nobody has read yet. */
export type Traits = Pick<
  Position,
  "device" | "inode" | "size" | "mtimeMs" | "isCompressed" | "head" | "seen"
>;

/** Of a file that was not read yet. */
export function newPosition(id: number, path: string, file: Traits, offset: number): Position {
  const { device, inode, size, mtimeMs, isCompressed, head, seen } = file;
  const place = { id, path, device, inode, size, mtimeMs, isCompressed };
  return {
    ...place,
    head,
    seen,
    offset,
    marks: [],
    truncation: null,
    isShort: false,
    isDone: false,
  };
}

export function positionKey(id: number): string {
  return `${CURSOR_PREFIX}${id}`;
}

export function positionCursor(position: Position): Cursor {
  return { key: positionKey(position.id), value: Buffer.from(JSON.stringify(position)) };
}

/** Null for the cursor of something else. @throws OperationalError PARSE when it is damaged */
export function parsePosition({ key, value }: Cursor): Position | null {
  if (!key.startsWith(CURSOR_PREFIX) || value === null) return null;
  const position = parseJson(key, value);
  if (!isPosition(position) || positionKey(position.id) !== key) throw damaged(key);
  return position;
}

function parseJson(key: string, value: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(value).toString());
  } catch {
    throw damaged(key);
  }
}

function isPosition(value: unknown): value is Position {
  if (typeof value !== "object" || value === null) return false;
  const one = value as Record<keyof Position, unknown>;
  const numbers = [one.id, one.device, one.inode, one.offset, one.size, one.mtimeMs];
  return (
    numbers.every((number) => typeof number === "number" && number >= 0) &&
    typeof one.path === "string" &&
    typeof one.isCompressed === "boolean" &&
    typeof one.isDone === "boolean" &&
    typeof one.isShort === "boolean" &&
    isMark(one.head) &&
    isMark(one.seen) &&
    Array.isArray(one.marks) &&
    one.marks.every(isMark) &&
    (one.truncation === null || isTruncation(one.truncation))
  );
}

function isMark(value: unknown): value is Mark {
  if (typeof value !== "object" || value === null) return false;
  const { end, bytes, hash } = value as Record<keyof Mark, unknown>;
  return typeof end === "number" && typeof bytes === "number" && typeof hash === "string";
}

function isTruncation(value: unknown): value is Truncation {
  if (typeof value !== "object" || value === null) return false;
  const { size, fromMs, untilMs } = value as Record<keyof Truncation, unknown>;
  return [size, fromMs, untilMs].every((number) => typeof number === "number");
}

function damaged(key: string): OperationalError {
  return new OperationalError("PARSE", `Cursor ${key} is damaged`);
}
