import { hash } from "node:crypto";
import { type Labels, labelsKey } from "../../shared/model/labels.ts";

/** Characters of base64: 132 bits. */
const HASH_LENGTH = 22;

/** What tells a pushed line apart. */
export type LineKey = { readonly timeUs: number; readonly ns: number; readonly bytes: Uint8Array };

/**
 * The lines that were pushed last, so that those of a push that is sent again are not stored twice.
 * Lines are known by a hash. Of those read from the store, the time is known to the
 * microsecond only.
 * Invariant: at most `linesMax` lines, the newest ones.
 */
export class RecentLines {
  readonly #linesMax: number;
  /** By stream, time and text; the promise of the commit that they are in, null once it is over. */
  readonly #lines = new Map<string, Promise<unknown> | null>();
  readonly #stored = new Set<string>();

  constructor(linesMax: number) {
    this.#linesMax = linesMax;
  }

  /** A line that was stored before the start. */
  addStored(labels: Labels, { timeUs, bytes }: Omit<LineKey, "ns">): void {
    if (this.#stored.size < this.#linesMax) this.#stored.add(keyOf(hashOf(labels), timeUs, bytes));
  }

  /** The lines of one stream as one push has them. */
  of(labels: Labels): StreamLines {
    const stream = hashOf(labels);
    return {
      find: ({ timeUs, ns, bytes }) => {
        const text = keyOf(stream, timeUs, bytes);
        const key = `${text}${ns}`;
        const commit = this.#lines.get(key);
        if (commit !== undefined) return { isKnown: true, key, commit };
        return { isKnown: this.#stored.has(text), key, commit: null };
      },
    };
  }

  /** Remembers lines that are being committed; forgets them should that fail. */
  async remember(keys: readonly string[], commit: Promise<unknown>): Promise<void> {
    for (const key of keys) this.#lines.set(key, commit);
    try {
      await commit;
      for (const key of keys) if (this.#lines.has(key)) this.#lines.set(key, null);
    } catch (error) {
      for (const key of keys) this.#lines.delete(key);
      throw error;
    }
    for (const [key, pending] of this.#lines) {
      if (this.#lines.size <= this.#linesMax || pending !== null) break;
      this.#lines.delete(key);
    }
  }
}

export type StreamLines = {
  find(line: LineKey): {
    readonly isKnown: boolean;
    readonly key: string;
    /** Under way, where the line is part of another push. */
    readonly commit: Promise<unknown> | null;
  };
};

function hashOf(labels: Labels): string {
  return digest(Buffer.from(labelsKey(labels)));
}

function keyOf(stream: string, timeUs: number, bytes: Uint8Array): string {
  return `${stream}${timeUs} ${digest(bytes)}`;
}

function digest(bytes: Uint8Array): string {
  return hash("sha1", bytes, "base64").slice(0, HASH_LENGTH);
}
