import { closeSync, openSync, readSync } from "node:fs";

const CHUNK_BYTES = 1 << 22;

/** The lines of a file, without their line feeds, one code unit a byte. */
export function* linesOf(file: string): Iterable<string> {
  const descriptor = openSync(file, "r");
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let rest = "";
  try {
    for (;;) {
      const read = readSync(descriptor, chunk);
      if (read === 0) break;
      const lines = (rest + chunk.toString("latin1", 0, read)).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } finally {
    closeSync(descriptor);
  }
  if (rest !== "") yield rest;
}

const FORMS: readonly ((line: string) => number)[] = [
  (line) => Number(/^\{"level":\d+,"time":(\d{13}),/.exec(line)?.[1] ?? Number.NaN),
  (line) => utc(/^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{3})?)/.exec(line), "$1T$2Z"),
  (line) => utc(/\[(\d\d)\/(\w{3})\/(\d{4}):(\d\d:\d\d:\d\d) \+0000\]/.exec(line), "$1 $2 $3 $4Z"),
  (line) => utc(/^\d+:\w (\d\d \w{3} \d{4} \d\d:\d\d:\d\d\.\d{3}) /.exec(line), "$1Z"),
  (line) =>
    utc(/^(\w{3} +\d+) (\d\d:\d\d:\d\d) /.exec(line), `$1 ${new Date().getUTCFullYear()} $2Z`),
];

function utc(found: RegExpExecArray | null, form: string): number {
  if (found === null) return Number.NaN;
  return Date.parse(form.replace(/\$(\d)/g, (_, group) => found[Number(group)] ?? ""));
}

/**
 * The times that lines say, in microseconds: as the aggregator finds them, for the forms of these
 * files only. A line without one has the time of the line before it.
 */
export class LineTimes {
  #timeUs = 0;
  #form: ((line: string) => number) | null = null;

  next(line: string): number {
    for (const form of this.#form === null ? FORMS : [this.#form]) {
      const timeMs = form(line);
      if (Number.isNaN(timeMs)) continue;
      this.#form = form;
      // Threads write a little out of order; a stream's lines are stored in order of time.
      this.#timeUs = Math.max(this.#timeUs, timeMs * 1000);
      break;
    }
    return this.#timeUs;
  }
}
