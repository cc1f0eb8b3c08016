import type { VectorSample } from "../../shared/model/columns.ts";

/** Writes what the group is at `timeMs`; what it was before and is not now, ends. */
export type WriteFn = (
  group: string,
  timeMs: number,
  samples: readonly VectorSample[],
) => Promise<void>;
