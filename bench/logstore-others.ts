import { execFileSync } from "node:child_process";
import { closeSync, openSync, readSync, statSync, writeFileSync } from "node:fs";

/** Of each log so many slices of this size are compressed, spread over it; a shorter log whole. */
const SLICES = 2;
const SLICE_BYTES = 16e6;

const COMPRESSORS = {
  gzip_6: ["gzip", "-6", "-c"],
  zstd_19: ["zstd", "-19", "-c", "-q"],
  xz_6: ["xz", "-6", "-T1", "-c"],
} as const;

type Compressor = keyof typeof COMPRESSORS;

export type Sampled = {
  /** What the whole log would take, by its slices. */
  readonly bytes: Readonly<Record<Compressor, number>>;
  /** Of the log, compressed. */
  readonly looked: number;
};

/**
 * What others make of a log, each slice compressed whole: 16 MB are twice the window of zstd -19 and
 * of xz -6, so a longer slice would hardly be smaller.
 * @param scratch a file that is overwritten
 */
export function compressed(file: string, scratch: string): Sampled {
  const { size } = statSync(file);
  const isWhole = size <= SLICES * SLICE_BYTES;
  const length = isWhole ? size : SLICE_BYTES;
  const starts = isWhole
    ? [0]
    : Array.from({ length: SLICES }, (_, i) => {
        return Math.floor(((size - length) * (i + 0.5)) / SLICES);
      });
  const sums = { gzip_6: 0, zstd_19: 0, xz_6: 0 };
  for (const start of starts) {
    writeFileSync(scratch, sliceOf(file, start, length));
    for (const name of Object.keys(sums) as Compressor[]) sums[name] += sizeBy(name, scratch);
  }
  const looked = starts.length * length;
  const scale = looked === 0 ? 0 : size / looked;
  const bytes = {
    gzip_6: sums.gzip_6 * scale,
    zstd_19: sums.zstd_19 * scale,
    xz_6: sums.xz_6 * scale,
  };
  return { bytes, looked };
}

function sliceOf(file: string, start: number, length: number): Uint8Array {
  const descriptor = openSync(file, "r");
  const bytes = Buffer.alloc(length);
  const read = readSync(descriptor, bytes, 0, length, start);
  closeSync(descriptor);
  return bytes.subarray(0, read);
}

function sizeBy(name: Compressor, file: string): number {
  const [command, ...args] = COMPRESSORS[name];
  const script = `"$0" ${args.join(" ")} "$1" | wc -c`;
  return Number(execFileSync("sh", ["-c", script, command, file]).toString());
}
