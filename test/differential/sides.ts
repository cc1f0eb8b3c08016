import type { Side } from "../support/alertmanager.ts";
import { Bed } from "../support/programs.ts";

/** @param routing text of its file */
export type StartSide = (routing: string) => Promise<Side>;

/** The built aggregator, with nothing but its routing. */
export async function startAggregator(routing: string): Promise<Side> {
  const bed = await Bed.open();
  bed.write("notify.yaml", routing);
  await bed.startReadyAggregator(["--log-level=warn"]);
  const url = `http://127.0.0.1:${bed.httpPort}`;
  return { url, sweepsFromMs: null, [Symbol.asyncDispose]: () => bed[Symbol.asyncDispose]() };
}
