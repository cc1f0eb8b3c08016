import { addAbortListener, setMaxListeners } from "node:events";
import { OperationalError } from "../../shared/errors.ts";
import type { PartDeps } from "../../shared/telemetry/part-deps.ts";
import { VERSION } from "../../shared/version.ts";
import type { AgentMessage__Output } from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { Hello__Output } from "../../shared/wire/generated/telltale/v1/Hello.ts";
import type { AggregatorConnection } from "../../shared/wire/ingest-connection.ts";
import { receiveHello } from "./hello.ts";
import { type IngestMetrics, ingestMetrics } from "./ingest-metrics.ts";
import { IngestSession, REASONS } from "./ingest-session.ts";
import { SESSIONS_MAX } from "./limits.ts";
import { logsContent } from "./logs-content.ts";
import { metricsContent } from "./metrics-content.ts";
import type { IngestEvents, IngestStore } from "./ports.ts";

/** Where streams of one kind go. */
export type IngestSink = { readonly store: IngestStore; readonly events: IngestEvents };

export type IngestDeps = PartDeps &
  IngestSink & {
    /** Where log lines go; null: they are not taken. */
    readonly logs: IngestSink | null;
  };

export type IngestOptions = {
  /** Frames an agent may have sent beyond the last ack. */
  readonly windowFrames: number;
};

/** Names of refused nodes that are remembered, so that each is logged once. */
const REFUSED_NAMES_MAX = 1000;

type Seat = { readonly session: IngestSession; readonly left: Promise<void> };

/**
 * Takes the agents' streams: one live session a node and kind, what they send in common commits, acks
 * only for what is on the disk.
 */
export class IngestService implements AsyncDisposable {
  readonly #deps: IngestDeps;
  readonly #options: IngestOptions;
  readonly #shown: IngestMetrics;
  /** By kind and node: its newest session. */
  readonly #seats = new Map<string, Seat>();
  readonly #serving = new Set<Promise<void>>();
  readonly #refused = new Set<string>();
  readonly #stop = new AbortController();

  constructor(deps: IngestDeps, options: IngestOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#shown = ingestMetrics(deps.metrics);
    setMaxListeners(2 * SESSIONS_MAX, this.#stop.signal); // each session has two
  }

  /** Serves one stream to its end. What the agent does wrong is sent to it and logged, not thrown. */
  async serve(connection: AggregatorConnection): Promise<void> {
    const work = this.#serve(connection, this.#stop.signal);
    this.#serving.add(work);
    try {
      await work;
    } finally {
      this.#serving.delete(work);
    }
  }

  /** Ends a stream that is not to be served. */
  refuse(connection: AggregatorConnection, fault: OperationalError): void {
    connection.close(fault);
    this.#report(fault, connection.peer, "");
  }

  /** Ends all sessions and takes no more; resolves when nothing is being committed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#serving);
  }

  async #serve(connection: AggregatorConnection, stop: AbortSignal): Promise<void> {
    const { clock } = this.#deps;
    using _end = addAbortListener(stop, () => connection.close(stopping()));
    let hello: Hello__Output | null = null;
    try {
      if (stop.aborted) throw stopping();
      if (this.#serving.size > SESSIONS_MAX) {
        throw new OperationalError("LIMIT", `More than ${SESSIONS_MAX} agents are connected`);
      }
      const messages = connection.messages[Symbol.asyncIterator]();
      hello = await receiveHello(connection.peer, messages, clock, this.#kinds());
      stop.throwIfAborted();
      requireOwnName(connection, hello);
      await this.#serveNode(connection, messages, hello, stop);
      connection.close();
    } catch (error) {
      const fault = stop.aborted ? stopping() : error;
      connection.close(fault instanceof Error ? fault : undefined);
      if (!(fault instanceof OperationalError)) throw fault;
      if (!stop.aborted) this.#report(fault, connection.peer, hello?.node ?? "");
    }
  }

  #kinds(): readonly Hello__Output["kind"][] {
    return this.#deps.logs === null ? ["KIND_METRICS"] : ["KIND_METRICS", "KIND_LOGS"];
  }

  #sinkOf(hello: Hello__Output): IngestSink {
    const { store, events, logs } = this.#deps;
    return isLogs(hello) && logs !== null ? logs : { store, events };
  }

  async #serveNode(
    connection: AggregatorConnection,
    messages: AsyncIterator<AgentMessage__Output>,
    hello: Hello__Output,
    stop: AbortSignal,
  ): Promise<void> {
    const { node, streamId } = hello;
    const { clock } = this.#deps;
    const { windowFrames } = this.#options;
    const sink = this.#sinkOf(hello);
    const contentOf = isLogs(hello) ? logsContent : metricsContent;
    const content = contentOf(hello, this.#shown, sink.events);
    const parts = { connection, messages, content, ...sink, clock, windowFrames };
    const session = new IngestSession(node, streamId, parts);
    const key = `${hello.kind} ${node}`;
    const before = this.#checkSeat(session, key);
    let leave = () => {};
    const left = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const seat = { session, left };
    this.#seats.set(key, seat);
    using _end = addAbortListener(stop, () => session.end(stopping()));
    try {
      await before?.left; // its last commit decides where this one goes on
      session.throwIfEnded();
      await this.#welcome(session, sink, connection, hello);
    } finally {
      if (this.#seats.get(key) === seat) this.#seats.delete(key);
      this.#shown.sessions.set(this.#seats.size);
      leave();
    }
  }

  /**
   * A newer connection of the same buffer takes the place of the old one, which is a half-open rest
   * that the agent has given up. Another buffer under the same name is another agent.
   * @throws OperationalError IN_USE
   */
  #checkSeat(session: IngestSession, key: string): Seat | undefined {
    const seat = this.#seats.get(key);
    if (seat === undefined) return undefined;
    if (seat.session.streamId !== session.streamId) {
      throw new OperationalError(
        "IN_USE",
        `Node ${JSON.stringify(session.node)} is already connected from ${seat.session.peer} with another buffer (two agents with the same name? set "node" in the configuration of one)`,
      );
    }
    seat.session.end(
      new OperationalError("UNAVAILABLE", `A newer connection from ${session.peer} took over`),
    );
    return seat;
  }

  async #welcome(
    session: IngestSession,
    { store, events }: IngestSink,
    connection: AggregatorConnection,
    hello: Hello__Output,
  ): Promise<void> {
    const { clock, logger } = this.#deps;
    const { node, agentVersion, intervalMs } = hello;
    const { peer } = connection;
    events.connected(node, { agentVersion, address: peer, intervalMs });
    try {
      const position = store.position(node, session.streamId);
      const { lastSeq, epoch, seriesKnown } = position;
      const refused = position.refused.map(({ fromSeq, toSeq, reason }) => {
        return { fromSeq, toSeq, reason: REASONS[reason] };
      });
      const { windowFrames } = this.#options;
      const nowMs = clock.nowMs();
      const here = { aggregatorVersion: VERSION, nowMs, windowFrames, load: store.load() };
      await connection.send({ welcome: { lastSeq, epoch, seriesKnown, refused, ...here } });
      this.#forgetRefusals(node);
      this.#shown.sessions.set(this.#seats.size);
      const clockAheadMs = hello.nowMs - nowMs;
      logger.info({ node, peer, agentVersion, lastSeq, clockAheadMs }, "agent connected");
      await session.run(position);
      logger.info({ node, peer }, "agent disconnected");
    } finally {
      events.disconnected(node);
    }
  }

  #report(fault: OperationalError, peer: string, node: string): void {
    this.#shown.errors.add(1, { code: fault.code });
    const fields = { node, peer, code: fault.code, error: fault.message };
    const key = refusalKey(node, fault.code);
    if (this.#refused.has(key)) {
      this.#deps.logger.debug(fields, "agent refused or lost again");
      return;
    }
    if (this.#refused.size >= REFUSED_NAMES_MAX) this.#refused.clear();
    this.#refused.add(key);
    this.#deps.logger.warn(fields, "agent refused or lost");
  }

  #forgetRefusals(node: string): void {
    for (const code of ["FORBIDDEN", "IN_USE", "LIMIT", "PROTOCOL", "UNAVAILABLE"]) {
      this.#refused.delete(refusalKey(node, code));
    }
  }
}

function isLogs({ kind }: Hello__Output): boolean {
  return kind === "KIND_LOGS";
}

/** @throws OperationalError FORBIDDEN when the agent says another name than its certificate */
function requireOwnName({ peer, certifiedNode }: AggregatorConnection, { node }: Hello__Output) {
  if (certifiedNode === undefined || certifiedNode === node) return;
  throw new OperationalError(
    "FORBIDDEN",
    `Agent at ${peer} says it is node ${JSON.stringify(node)}; its certificate is for ${JSON.stringify(certifiedNode)}, and it can write as no other`,
  );
}

function refusalKey(node: string, code: string): string {
  return `${code} ${node}`;
}

function stopping(): OperationalError {
  return new OperationalError("UNAVAILABLE", "The aggregator stops");
}
