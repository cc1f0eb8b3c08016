import type { Labels } from "../../../shared/model/labels.ts";
import type { Emit, ShapedLine, Shaper } from "../shape/shaper.ts";

export type SourcedLine = {
  readonly labels: Labels;
  /** Unix microseconds. */
  readonly timeUs: number;
  readonly bytes: Uint8Array;
  readonly isCut: boolean;
};

/** An array, or a `LineTable`. */
export type SourcedLines = Iterable<SourcedLine> & { readonly length: number };

/** What is to be known after a restart. `value` null: forget it. */
export type Cursor = { readonly key: string; readonly value: Uint8Array | null };

export type LineSink = {
  /**
   * Resolves when lines and cursors are durable, all in one batch; until then the bytes of the
   * lines are its own. May wait for room. When it rejects nothing of them is there.
   */
  append(lines: SourcedLines, cursors: readonly Cursor[]): Promise<void>;
};

/** Files that are followed alike. */
export type FileSource = {
  /** Names it over restarts; a new one is read from where `firstStart` of the tailer says. */
  readonly name: string;
  /** Absolute glob patterns. */
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly labels: (path: string, stream: ShapedLine["stream"]) => Labels;
  /** @param head the first bytes of the file, by which its encoding is known */
  readonly createShaper: (startOffset: number, emit: Emit, head: Uint8Array) => Shaper;
};

/** Device and inode name a file as long as it is there, afterwards perhaps another one. */
export type FileStatus = {
  readonly device: number;
  readonly inode: number;
  readonly size: number;
  readonly mtimeMs: number;
  /** When it was made; where a file system does not say so, no time that is too early. */
  readonly birthMs: number;
  readonly kind: "file" | "directory" | "other";
};

export type EntryKind = "file" | "directory" | "link" | "other";

/** What the tailer asks of the file system. Paths are absolute; a file that is missing is null. */
export type LogFiles = {
  /** Of what a link leads to. @throws OperationalError UNAVAILABLE */
  status(path: string): FileStatus | null;
  /** Opens for reading, never waits for a writer. @throws OperationalError UNAVAILABLE */
  open(path: string): number | null;
  statusOf(descriptor: number): FileStatus;
  /** Of a file that is open; -1: it cannot be asked. Costs a fraction of `statusOf`. */
  size(descriptor: number): number;
  /** As pread(2). @throws OperationalError UNAVAILABLE */
  read: (
    descriptor: number,
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
  ) => number;
  close(descriptor: number): void;
  /** The path without links. */
  resolve(path: string): string | null;
  /**
   * Calls `visit` for each entry, at most `entriesMax`; false when there are more.
   * @throws OperationalError UNAVAILABLE
   */
  list(
    directory: string,
    entriesMax: number,
    visit: (name: string, kind: EntryKind) => void,
  ): Promise<boolean>;
};
