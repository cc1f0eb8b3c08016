import { type CollectContext, hostFile } from "../context.ts";
import { type HeldFileOptions, MISSING } from "./held-file.ts";

/** A module may be loaded later; asking for its file in every tick would cost more than reading it. */
const RETRY_MS = 60_000;

/** A file that only some kernels, or some hosts, have. */
export class OptionalFile {
  readonly #file;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: CollectContext, path: string, options: HeldFileOptions = {}) {
    this.#file = hostFile(context, path, options);
  }

  /** Bytes of the last read. */
  get length(): number {
    return this.#file.length;
  }

  /** As HeldFile.read; MISSING without asking for a minute after the file was not there. */
  read(nowMs: number): number {
    // A clock that was set back must not put the next try off.
    if (nowMs < this.#retryAtMs && this.#retryAtMs - nowMs <= RETRY_MS) return MISSING;
    const outcome = this.#file.read();
    if (outcome >= MISSING) this.#retryAtMs = nowMs + RETRY_MS;
    return outcome;
  }

  close(): void {
    this.#file.close();
  }
}
