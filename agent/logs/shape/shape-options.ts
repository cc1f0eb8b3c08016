import type { Encoding } from "./encoding.ts";
import type { JoinOptions } from "./entry-joiner.ts";
import type { Masker } from "./masker.ts";
import type { ShapeCounts } from "./shape-counts.ts";

export type ShapeOptions = {
  /** Of a line, without its newline: of the file's bytes where it is UTF-16. */
  readonly lineBytesMax: number;
  /**
   * null: as the mark at the file's beginning says; a reader that does not begin there has to give it
   * (`encodingOf` reads it from the first bytes), or the file is taken to be UTF-8.
   */
  readonly encoding: Encoding | null;
  /** null: each line is an entry. */
  readonly join: JoinOptions | null;
  /** null: nothing is masked. May be shared by all shapers of a thread. */
  readonly masker: Masker | null;
  readonly counts: ShapeCounts;
};

export const LINE_BYTES_MAX = 256 * 1024;

export const JOIN_DEFAULTS: JoinOptions = {
  linesMax: 500,
  bytesMax: 256 * 1024,
  ageMsMax: 1000,
  firstLine: null,
};

/** Lines are held, so that the rest of a private key can be left out, and not joined. */
export const NO_JOIN: JoinOptions = { ...JOIN_DEFAULTS, linesMax: 1 };
