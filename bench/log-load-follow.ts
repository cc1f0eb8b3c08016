import { type ClientReadableStream, credentials } from "@grpc/grpc-js";
import { errorMessage } from "../shared/errors.ts";
import type { LinesResponse__Output } from "../shared/wire/generated/telltale/v1/LinesResponse.ts";
import { loadTelltale } from "../shared/wire/proto.ts";
import { type NumberedLine, parseNumbered } from "./log-load-lines.ts";

/** A numbered line as a client got it. */
export type Arrival = NumberedLine & { readonly atMs: number };

/** Any other line. */
export type OtherArrival = {
  readonly text: string;
  /** As the agent has it: when it read the line, Unix milliseconds. */
  readonly readMs: number;
  readonly atMs: number;
};

/** Follows a log query over gRPC, as `telltale logs --follow` does, and keeps when lines came. */
export class LineFollower implements Disposable {
  readonly arrivals: Arrival[] = [];
  readonly others: OtherArrival[] = [];
  readonly #call: ClientReadableStream<LinesResponse__Output>;
  #fault: unknown = null;

  constructor(address: string, query: string) {
    const { Logs } = loadTelltale().v1;
    const client = new Logs(address, credentials.createInsecure());
    this.#call = client.lines({ query, follow: true, limit: 1 });
    this.#call.on("data", (message: LinesResponse__Output) => this.#take(message));
    this.#call.on("error", (error) => {
      this.#fault ??= error;
    });
  }

  /** @throws Error when the lines came to an end */
  check(): void {
    if (this.#fault !== null) throw new Error(`Following ended: ${errorMessage(this.#fault)}`);
  }

  [Symbol.dispose](): void {
    this.#fault ??= new Error("it is over");
    this.#call.cancel();
  }

  #take({ lines }: LinesResponse__Output): void {
    const atMs = Date.now();
    for (const { line, timeUs } of lines) {
      const numbered = parseNumbered(line);
      if (numbered !== null) this.arrivals.push({ ...numbered, atMs });
      else this.others.push({ text: line, readMs: timeUs / 1000, atMs });
    }
  }
}

/** How many came after one that was written later to the same file, or a second time. */
export function outOfOrder(arrivals: readonly Arrival[]): number {
  const last = new Map<number, number>();
  let count = 0;
  for (const { file, number } of arrivals) {
    if (number <= (last.get(file) ?? -1)) count += 1;
    last.set(file, number);
  }
  return count;
}

/** The value below which the share `q` of the values is; NaN of none. */
export function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
