import { join } from "node:path";
import type { SeededRandom } from "../test/support/random.ts";

export const FILES = 8;
export const LINE_BYTES = 200;
/** Of so many lines one is a probe, which is what those who measure ask for. */
const PROBE_EVERY = 100;
/** The lines before they come again, with other numbers. */
const POOL_LINES = 8192;
const NUMBER = { at: 4, digits: 10 };
const TIME = { at: 18, digits: 13 };
const KIND_AT = 37;
/** Of one length. */
const KINDS = { probe: Buffer.from("probe"), plain: Buffer.from("plain") };

/** What a probe has and no other line. */
export const PROBE = "kind=probe";

/** What a writer (log-load-writer.ts) is told; it answers each order with a report. */
export type WriterOrder =
  | { readonly kind: "rate"; readonly bytesASecond: number }
  /** One more line, of no number. */
  | { readonly kind: "line"; readonly file: number; readonly text: string }
  | { readonly kind: "report" };

export type WriterReport = {
  /** How many were written, by file. */
  readonly lines: readonly number[];
  /** When the order was carried out, Unix milliseconds. */
  readonly atMs: number;
};

export function logPath(folder: string, file: number): string {
  return join(folder, `app-${file}.log`);
}

export type NumberedLine = {
  readonly file: number;
  readonly number: number;
  /** When it was written, Unix milliseconds. */
  readonly writtenMs: number;
};

const NUMBERED = /^n=(\d):(\d{10}) at=(\d{13}) /;

/** Null: it is not one of the numbered lines. */
export function parseNumbered(text: string): NumberedLine | null {
  const [, file, number, writtenMs] = NUMBERED.exec(text) ?? [];
  if (file === undefined) return null;
  return { file: Number(file), number: Number(number), writtenMs: Number(writtenMs) };
}

/**
 * Lines of a service, as bytes to be written, numbered from 0 in each file: little is done for one, so
 * that those who write them do not take the time of those who are measured.
 */
export class NumberedLines {
  readonly #pool: Buffer;
  #at = 0;

  constructor(random: SeededRandom) {
    const lines = Array.from({ length: POOL_LINES }, () => lineText(random));
    this.#pool = Buffer.from(lines.join(""));
  }

  /** The next `count` lines of a file, in pieces: each is to be written before the next is asked for. */
  *next(file: number, fromNumber: number, count: number, nowMs: number): Generator<Buffer> {
    for (let done = 0; done < count; ) {
      const piece = Math.min(count - done, POOL_LINES - this.#at);
      const start = this.#at * LINE_BYTES;
      for (let i = 0; i < piece; i += 1) {
        this.#mark(start + i * LINE_BYTES, file, fromNumber + done + i, nowMs);
      }
      this.#at = (this.#at + piece) % POOL_LINES;
      done += piece;
      yield this.#pool.subarray(start, start + piece * LINE_BYTES);
    }
  }

  #mark(start: number, file: number, number: number, nowMs: number): void {
    this.#digits(start + 2, 1, file);
    this.#digits(start + NUMBER.at, NUMBER.digits, number);
    this.#digits(start + TIME.at, TIME.digits, nowMs);
    const kind = number % PROBE_EVERY === 0 ? KINDS.probe : KINDS.plain;
    this.#pool.set(kind, start + KIND_AT);
  }

  #digits(start: number, count: number, value: number): void {
    let rest = value;
    for (let i = start + count - 1; i >= start; i -= 1) {
      const next = Math.floor(rest / 10);
      this.#pool[i] = 48 + rest - next * 10;
      rest = next;
    }
  }
}

const VERBS = ["accepted", "charged", "packed", "refused", "refunded", "shipped"] as const;
const NOUNS = ["basket", "invoice", "order", "parcel", "voucher"] as const;

function lineText(random: SeededRandom): string {
  const level = random.pick(["info", "info", "info", "warn", "error"]);
  const what = `${random.pick(NOUNS)} ${random.int(1, 999_999)} was ${random.pick(VERBS)}`;
  const who = `for customer ${random.int(1, 99_999)} in ${random.int(1, 900)} ms`;
  const head = `n=0:${"0".repeat(NUMBER.digits)} at=${"0".repeat(TIME.digits)} kind=plain`;
  const text = `${head} level=${level} msg="${what} ${who}" trace=`;
  let id = "";
  while (id.length < LINE_BYTES) id += random.int(0, 2 ** 32 - 1).toString(16);
  return `${text}${id.slice(0, LINE_BYTES - 1 - text.length)}\n`;
}
