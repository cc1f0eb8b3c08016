import { errorMessage, OperationalError } from "../../../shared/errors.ts";
import { LineSplitter } from "../../../shared/line-splitter.ts";
import type { Clock, Logger, Random } from "../../../shared/platform/ports.ts";
import { backoffMs } from "../../../shared/time/backoff.ts";
import { ChangeSignal } from "../../../shared/time/change-signal.ts";
import { eitherSignal } from "../../../shared/time/either-signal.ts";
import { sleepUnlessAborted } from "../../../shared/time/repeat.ts";
import type { ContainerFacts } from "../../containers/container-facts.ts";
import {
  DOCKER,
  type Engine,
  type EngineEvent,
  engineOf,
  eventOf,
  eventsPath,
  factsOfInspected,
  factsOfListed,
} from "./engine-answers.ts";
import { EngineSocket } from "./engine-socket.ts";

/** Where a watch brings what it hears. */
export type WatchListener = {
  /** `isWhole`: a container that is not among them is no more. */
  listed(watch: EngineWatch, facts: readonly ContainerFacts[], isWhole: boolean): void;
  /** `facts` null: the engine does not know it, or does not say. */
  inspected(watch: EngineWatch, id: string, facts: ContainerFacts | null): void;
  /** False: the container is of no interest. */
  event(watch: EngineWatch, event: EngineEvent): boolean;
  /** `reason` as for Faults. */
  fault(reason: string): void;
};

export type WatchParts = {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly listener: WatchListener;
  /** Whether the socket is still there. */
  readonly isThere: () => boolean;
};

/** The newest of this many are listed; the others are asked for one by one when they are seen. */
const LISTED_MAX = 1000;
const VERSION_LIMITS = { bytesMax: 256 * 1024, timeoutMs: 10_000 };
const LIST_LIMITS = { bytesMax: 8 * 1024 * 1024, timeoutMs: 30_000 };
const INSPECT_LIMITS = { bytesMax: 1024 * 1024, timeoutMs: 10_000 };
const WAITING_MAX = 5000;
/** An event carries all labels of its container. */
const LINE_BYTES_MAX = 256 * 1024;
const BACKOFF = { firstMs: 1000, maxMs: 60_000 };
/** A connection that held this long was a good one. */
const GOOD_MS = 30_000;

/**
 * Follows one engine: asks once what there is, then listens. `since` closes the gap between the
 * two, and after a cut connection brings what was missed, as far as the engine remembers it.
 */
export class EngineWatch {
  readonly path: string;
  /** Null before the engine has said who it is. */
  engine: Engine | null = null;
  /** Connected, and not known to fail: worth waiting for. */
  isUp = true;
  readonly #parts: WatchParts;
  readonly #added = new ChangeSignal();
  /** Containers to inspect: those somebody waits for, then the others. */
  readonly #urgent = new Set<string>();
  readonly #later = new Set<string>();
  #lastEventNano: number;

  constructor(path: string, parts: WatchParts) {
    this.path = path;
    this.#parts = parts;
    this.#lastEventNano = parts.clock.nowMs() * 1e6;
  }

  /** False when it is not worth waiting for an answer. */
  ask(id: string): boolean {
    return this.isUp && this.#enqueue(this.#urgent, id);
  }

  forget(id: string): void {
    this.#urgent.delete(id);
    this.#later.delete(id);
  }

  /** Until the signal, or until the socket is no more. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, logger, isThere } = this.#parts;
    let failures = 0;
    while (!signal.aborted && isThere()) {
      const startMs = clock.monotonicMs();
      const fault = await this.#session(signal);
      this.isUp = false;
      this.#urgent.clear();
      this.#later.clear();
      if (signal.aborted) return;
      failures = clock.monotonicMs() - startMs >= GOOD_MS ? 1 : failures + 1;
      if (failures === 1) {
        logger.warn({ socket: this.path, error: errorMessage(fault) }, "container runtime lost");
      }
      await sleepUnlessAborted(clock, backoffMs(BACKOFF, failures, random()), signal);
    }
  }

  /** Why it ended; never throws. */
  async #session(signal: AbortSignal): Promise<unknown> {
    const socket = new EngineSocket(this.path, this.#parts.clock);
    const stop = new AbortController();
    using either = eitherSignal(signal, stop.signal);
    try {
      this.engine = engineOf(await socket.get("/version", VERSION_LIMITS, either.signal));
      this.isUp = true;
      // The first of the two that ends, ends the other.
      const both = [this.#listen(socket, either.signal), this.#inspectAll(socket, either.signal)];
      const ends = both.map((work) => work.finally(() => stop.abort()));
      const first = Promise.race(ends).then(
        () => "the event stream ended",
        (error: unknown) => error,
      );
      await Promise.allSettled(ends);
      return await first;
    } catch (error) {
      return error;
    } finally {
      socket.close();
    }
  }

  async #listen(socket: EngineSocket, signal: AbortSignal): Promise<void> {
    const { listener } = this.#parts;
    const path = eventsPath(Math.floor(this.#lastEventNano / 1e9) - 1);
    const splitter = new LineSplitter(LINE_BYTES_MAX);
    let tooLong = 0;
    const onLine = (line: string) => {
      for (; tooLong < splitter.tooLong; tooLong += 1) listener.fault("limit");
      this.#hear(line);
    };
    await socket.lines(path, splitter, onLine, signal);
  }

  #hear(line: string): void {
    const { listener } = this.#parts;
    let event: EngineEvent | null;
    try {
      event = eventOf(line);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      listener.fault("malformed");
      return;
    }
    // Heard before: `since` is in whole seconds.
    if (event === null || (event.timeNano !== 0 && event.timeNano <= this.#lastEventNano)) return;
    this.#lastEventNano = Math.max(this.#lastEventNano, event.timeNano);
    if (event.action === "network") this.#enqueue(this.#later, event.id);
    else this.#onEvent(event);
  }

  #onEvent(event: EngineEvent): void {
    if (!this.#parts.listener.event(this, event)) return;
    if (event.action === "start") {
      this.#later.delete(event.id); // it has been connected to its networks
      this.#enqueue(this.#urgent, event.id);
    }
    if (event.action === "die" || event.action === "rename") this.#enqueue(this.#later, event.id);
  }

  async #inspectAll(socket: EngineSocket, signal: AbortSignal): Promise<void> {
    await this.#list(socket, signal);
    for (;;) {
      const id = first(this.#urgent) ?? first(this.#later);
      if (id === null) {
        await this.#added.wait(signal);
        continue;
      }
      this.#parts.listener.inspected(this, id, await this.#inspect(socket, id, signal));
    }
  }

  async #list(socket: EngineSocket, signal: AbortSignal): Promise<void> {
    const path = `/containers/json?all=1&limit=${LISTED_MAX}`;
    const answer = await this.#asked(socket.get(path, LIST_LIMITS, signal));
    if (!Array.isArray(answer)) {
      // The containers that are seen are asked for one by one.
      this.#parts.listener.fault("malformed");
      return;
    }
    const facts: ContainerFacts[] = [];
    for (const item of answer.slice(0, LISTED_MAX)) {
      const one = factsOfListed(item, this.engine ?? DOCKER);
      if (one === null) this.#parts.listener.fault("malformed");
      else facts.push(one);
    }
    const isRunning = ({ state }: ContainerFacts) => state === "running" || state === "paused";
    for (const one of facts) if (isRunning(one)) this.#enqueue(this.#later, one.id);
    for (const one of facts) if (!isRunning(one)) this.#enqueue(this.#later, one.id);
    const isWhole = answer.length < LISTED_MAX && facts.length === answer.length;
    this.#parts.listener.listed(this, facts, isWhole);
  }

  async #inspect(
    socket: EngineSocket,
    id: string,
    signal: AbortSignal,
  ): Promise<ContainerFacts | null> {
    const answer = await this.#asked(socket.get(`/containers/${id}/json`, INSPECT_LIMITS, signal));
    const facts = factsOfInspected(answer, this.engine ?? DOCKER);
    return facts?.id === id ? facts : null;
  }

  /** Null, and counted, for an answer that is no use; a connection that is no use is thrown. */
  async #asked(answer: Promise<unknown>): Promise<unknown> {
    try {
      return await answer;
    } catch (error) {
      if (!(error instanceof OperationalError) || error.code === "UNAVAILABLE") throw error;
      this.#parts.listener.fault(error.code === "LIMIT" ? "limit" : "malformed");
      return null;
    }
  }

  #enqueue(queue: Set<string>, id: string): boolean {
    if (queue.size >= WAITING_MAX && !queue.has(id)) return false;
    queue.add(id);
    this.#added.notify();
    return true;
  }
}

/** Takes the oldest out. */
function first(queue: Set<string>): string | null {
  const [id = null] = queue;
  if (id !== null) queue.delete(id);
  return id;
}
