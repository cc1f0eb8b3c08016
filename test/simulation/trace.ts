import { createHash } from "node:crypto";

/**
 * What happened in a run, in order. Two runs are the same when their hashes are; the lines
 * themselves are kept only where somebody will read them.
 */
export class Trace {
  readonly #nowMs: () => number;
  readonly #lines: string[] | null;
  #pending = "";
  #hash = createHash("sha256");
  readonly counts = new Map<string, number>();

  constructor(nowMs: () => number, options: { readonly isKept: boolean }) {
    this.#nowMs = nowMs;
    this.#lines = options.isKept ? [] : null;
  }

  /** `kind` is counted: the runs of a suite must have seen enough of each. */
  add(kind: string, who: string, what = ""): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + 1);
    const line = `${(this.#nowMs() / 1000).toFixed(4)} ${who} ${kind} ${what}`;
    this.#lines?.push(line);
    this.#pending += `${line}\n`;
    if (this.#pending.length < 65_536) return;
    this.#hash.update(this.#pending);
    this.#pending = "";
  }

  lines(): readonly string[] {
    return this.#lines ?? [];
  }

  /** Of everything so far. */
  digest(): string {
    return this.#hash.copy().update(this.#pending).digest("hex").slice(0, 16);
  }
}
