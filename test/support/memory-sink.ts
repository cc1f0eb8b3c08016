import type { Cursor, LineSink } from "../../agent/logs/tail/ports.ts";
import { formatLabels } from "../../shared/model/labels.ts";

export type StoredLine = {
  readonly labels: string;
  readonly text: string;
  readonly timeUs: number;
};

/** Keeps lines and cursors as the agent's queue does, in memory. */
export class MemorySink implements LineSink {
  readonly lines: StoredLine[] = [];
  readonly #cursors = new Map<string, Uint8Array>();

  async append(...[lines, cursors]: Parameters<LineSink["append"]>): Promise<void> {
    for (const { labels, bytes, timeUs } of lines) {
      this.lines.push({
        labels: formatLabels(labels),
        text: Buffer.from(bytes).toString(),
        timeUs,
      });
    }
    for (const { key, value } of cursors) {
      if (value === null) this.#cursors.delete(key);
      else this.#cursors.set(key, Uint8Array.from(value));
    }
  }

  get cursors(): Cursor[] {
    return [...this.#cursors].map(([key, value]) => ({ key, value }));
  }

  /** Texts of the lines whose labels have this text in them. */
  texts(part = ""): string[] {
    return this.lines.filter(({ labels }) => labels.includes(part)).map(({ text }) => text);
  }
}
