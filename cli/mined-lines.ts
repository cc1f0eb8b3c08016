import { Miner } from "../shared/log-patterns/miner.ts";
import { current, type Pattern } from "../shared/log-patterns/pattern.ts";

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
/** The rest of a longer line is not looked at. */
const LINE_BYTES_MAX = 64 * 1024;

export type MinedLines = {
  readonly lines: number;
  /** Most frequent first. */
  patterns(): readonly Pattern[];
  /** The id for each line, in their order. */
  patternOfEachLine(): Generator<string>;
};

/**
 * Mines all lines. They end with a newline, or a carriage return and a newline; the last one may
 * lack it. What is not UTF-8 is replaced.
 */
export async function mineLines(chunks: AsyncIterable<Uint8Array>): Promise<MinedLines> {
  const miner = new Miner();
  const made: Pattern[] = [];
  let numberOfLine = new Uint32Array(1024);
  const lines = new LineReader((line) => {
    const pattern = miner.add(line);
    made[pattern.number] = pattern;
    if (miner.lines > numberOfLine.length) numberOfLine = grown(numberOfLine);
    numberOfLine[miner.lines - 1] = pattern.number;
  });
  for await (const chunk of chunks) lines.push(chunk);
  lines.end();
  miner.settle();
  const patterns = miner.patterns();
  return {
    lines: miner.lines,
    patterns: () => patterns,
    *patternOfEachLine() {
      const now = made.map((pattern) => current(pattern).id);
      for (let i = 0; i < miner.lines; i += 1) yield now[numberOfLine[i] as number] as string;
    },
  };
}

function grown(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(array.length * 2);
  larger.set(array);
  return larger;
}

class LineReader {
  readonly #onLine: (line: string) => void;
  /** Of a line whose end was not seen yet. */
  #begun: Buffer[] = [];
  #begunBytes = 0;

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Uint8Array): void {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      this.#finish(bytes.subarray(start, Math.min(end, start + LINE_BYTES_MAX)));
      start = end + 1;
    }
    const rest = bytes.subarray(start, start + LINE_BYTES_MAX);
    if (this.#begunBytes < LINE_BYTES_MAX) this.#begun.push(rest);
    this.#begunBytes += rest.length;
  }

  end(): void {
    if (this.#begunBytes > 0) this.#finish(Buffer.alloc(0));
  }

  #finish(last: Buffer): void {
    this.#onLine(textOf(this.#begunBytes === 0 ? last : Buffer.concat([...this.#begun, last])));
    this.#begun = [];
    this.#begunBytes = 0;
  }
}

function textOf(line: Buffer): string {
  const isCrLf = line[line.length - 1] === CARRIAGE_RETURN;
  return line.toString("utf8", 0, isCrLf ? line.length - 1 : line.length);
}
