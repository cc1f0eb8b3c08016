import type { Emit, Shaper } from "../../agent/logs/shape/shaper.ts";

/** The simplest shaper: a line is what ends with a newline. */
export function splitLines(startOffset: number, emit: Emit): Shaper {
  let pending = Buffer.alloc(0);
  let offset = startOffset; // of what was pushed
  const emitLine = (bytes: Uint8Array, end: number) => {
    emit({ bytes, start: 0, end: bytes.length, timeUs: null, stream: "", isCut: false }, end);
  };
  return {
    get hasPending() {
      return pending.length > 0;
    },
    push(bytes) {
      let start = 0;
      for (;;) {
        const newline = bytes.indexOf(10, start);
        if (newline < 0) break;
        const line = bytes.subarray(start, newline);
        emitLine(
          pending.length === 0 ? line : Buffer.concat([pending, line]),
          offset + newline + 1,
        );
        if (pending.length > 0) pending = Buffer.alloc(0);
        start = newline + 1;
      }
      offset += bytes.length;
      pending = Buffer.concat([pending, bytes.subarray(start)]);
    },
    flush(_nowMs, isLast = true) {
      if (!isLast) return;
      if (pending.length > 0) emitLine(pending, offset);
      pending = Buffer.alloc(0);
    },
  };
}
