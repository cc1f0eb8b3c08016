import { Masker, type UserMaskRule } from "../../agent/logs/shape/masker.ts";
import { newShapeCounts, type ShapeCounts } from "../../agent/logs/shape/shape-counts.ts";
import {
  JOIN_DEFAULTS,
  LINE_BYTES_MAX,
  type ShapeOptions,
} from "../../agent/logs/shape/shape-options.ts";
import { createShaper, type Format, type ShapedLine } from "../../agent/logs/shape/shaper.ts";

/** What came out of a shaper for one line, its text decoded. */
export type Shaped = Pick<ShapedLine, "timeUs" | "stream" | "isCut"> & {
  readonly text: string;
  readonly endOffset: number;
};

export type ShapeCase = {
  readonly format?: Format;
  readonly options?: Partial<ShapeOptions>;
  readonly counts?: ShapeCounts;
  readonly rules?: readonly UserMaskRule[];
  readonly startOffset?: number;
  readonly isMasked?: boolean;
  readonly isFlushed?: boolean;
};

const STRICT = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The lines of these pushes; fails where one is no UTF-8. */
export function shaped(pushes: readonly (string | Uint8Array)[], one: ShapeCase = {}): Shaped[] {
  const counts = one.counts ?? newShapeCounts();
  const options: ShapeOptions = {
    lineBytesMax: LINE_BYTES_MAX,
    encoding: null,
    join: JOIN_DEFAULTS,
    masker: one.isMasked === false ? null : new Masker(one.rules ?? [], counts),
    counts,
    ...one.options,
  };
  const lines: Shaped[] = [];
  const start = one.startOffset ?? 0;
  const shaper = createShaper(one.format ?? "plain", options, start, (line, endOffset) => {
    const { bytes, start, end, timeUs, stream, isCut } = line;
    lines.push({
      text: STRICT.decode(bytes.subarray(start, end)),
      timeUs,
      stream,
      isCut,
      endOffset,
    });
  });
  for (const push of pushes) {
    const bytes = typeof push === "string" ? Buffer.from(push) : Uint8Array.from(push);
    shaper.push(bytes, 0);
    bytes.fill(0x3f); // it is the reader's again
  }
  if (one.isFlushed !== false) shaper.flush(0);
  return lines;
}

export function texts(pushes: readonly (string | Uint8Array)[], one: ShapeCase = {}): string[] {
  return shaped(pushes, one).map(({ text }) => text);
}
