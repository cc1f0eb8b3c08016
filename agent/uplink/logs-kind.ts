import type { UplinkKind, WaitingEntry } from "./ports.ts";

/** Blocks of log lines, which need nothing said before them. */
export const LOGS_KIND: UplinkKind<WaitingEntry> = {
  name: "KIND_LOGS",
  messages: () => ({
    async *of(entries) {
      if (entries.length === 0) return;
      yield { message: { blocks: { block: entries.map(({ bytes }) => bytes) } }, entries };
    },
    beside: () => [],
  }),
};
