import type { VectorSample } from "../../shared/model/columns.ts";
import type { Clock } from "../../shared/platform/ports.ts";
import type { QueryResult } from "../query/result.ts";
import { CONTAINER_QUERIES, type ContainerVectors, containerColumns } from "./container-columns.ts";

type InstantQuery = { instant(timeMs: number, signal: AbortSignal): Promise<QueryResult> };

export type ContainerListPorts = {
  compile(text: string): InstantQuery;
  readonly clock: Clock;
};

/** An answer is good for so long, and where it took long for so many times as long. */
const FRESH_MS = 5000;
const FRESH_PER_LOOK = 25;
const FRESH_MAX_MS = 30_000;

/** All containers, looked at when somebody asks, once for all who ask. */
export class ContainerList implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #queries: readonly (readonly [string, InstantQuery])[];
  readonly #stop = new AbortController();
  #answer: Promise<string> | null = null;
  #freshUntilMs = Number.NEGATIVE_INFINITY;

  constructor({ compile, clock }: ContainerListPorts) {
    this.#clock = clock;
    this.#queries = Object.entries(CONTAINER_QUERIES).map(([name, text]) => [name, compile(text)]);
  }

  /** The columns as JSON. @throws OperationalError */
  async text(): Promise<string> {
    if (this.#answer === null || this.#clock.monotonicMs() >= this.#freshUntilMs) {
      this.#freshUntilMs = Number.POSITIVE_INFINITY; // until it is there
      this.#answer = this.#look();
    }
    return await this.#answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#answer?.catch(() => {}); // who waits for it is told
  }

  async #look(): Promise<string> {
    const startedMs = this.#clock.monotonicMs();
    const timeMs = this.#clock.nowMs();
    try {
      const vectors: Record<string, readonly VectorSample[]> = {};
      for (const [name, query] of this.#queries) {
        const result = await query.instant(timeMs, this.#stop.signal);
        vectors[name] = result.type === "vector" ? result.samples : [];
      }
      return JSON.stringify(containerColumns(vectors as ContainerVectors, timeMs));
    } finally {
      const nowMs = this.#clock.monotonicMs();
      const freshMs = Math.max(FRESH_MS, (nowMs - startedMs) * FRESH_PER_LOOK);
      this.#freshUntilMs = nowMs + Math.min(FRESH_MAX_MS, freshMs);
    }
  }
}
