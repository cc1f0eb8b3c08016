import { expect } from "vitest";
import { IngestService } from "../../../aggregator/ingest/ingest-service.ts";
import type { IngestEvents } from "../../../aggregator/ingest/ports.ts";
import type { AccountsReport } from "../../../aggregator/model/node.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { labelsOf } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { type EncodedFrame, FrameEncoder } from "../../../shared/wire/frame-encoder.ts";
import type { AgentMessage } from "../../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage__Output } from "../../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import { FakeClock, settle } from "../../support/fake-clock.ts";
import { hello, STREAM, table } from "../../support/ingest-messages.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { MemoryConnection } from "./memory-connection.ts";
import { DELAY_MS, MemoryIngestStore } from "./memory-ingest-store.ts";

export const WINDOW = 8;

export class Aggregator {
  readonly clock = new FakeClock();
  readonly logger = new MemoryLogger();
  readonly store = new MemoryIngestStore(this.clock, this.logger);
  readonly metrics = new Metrics();
  readonly events: string[] = [];
  readonly reports: AccountsReport[] = [];
  isNodeRefused = false;
  readonly service: IngestService;

  constructor() {
    const events: IngestEvents = {
      isNode: (name) => name === "db-1",
      connected: (node) => {
        if (this.isNodeRefused) throw new OperationalError("LIMIT", "too many nodes");
        this.events.push(`connected ${node}`);
      },
      committed: (node, { kind }) => this.events.push(`${kind} ${node}`),
      accounted: (_node, report) => this.reports.push(report),
      droppedRanges: (node, ranges) => this.events.push(`${ranges.length} ranges ${node}`),
      clockMeasured: (node, { aheadMs }) => this.events.push(`clock ${aheadMs} ${node}`),
      targetsTold: (node, { targets }) => this.events.push(`${targets.length} targets ${node}`),
      goodbye: (node) => this.events.push(`goodbye ${node}`),
      disconnected: (node) => this.events.push(`disconnected ${node}`),
    };
    const { store, clock, logger, metrics } = this;
    this.service = new IngestService(
      { store, clock, logger, metrics, events, logs: null },
      { windowFrames: WINDOW },
    );
  }

  /** An agent that has connected; `answers` gathers what it is told. */
  open(peer = "10.0.0.1:5"): Agent {
    const agent = new Agent(peer);
    agent.served = this.service.serve(agent.connection.aggregator);
    return agent;
  }

  async welcome(node = "web-1", streamId = STREAM, peer?: string): Promise<Agent> {
    const agent = this.open(peer);
    await agent.send({ hello: hello({ node, streamId }) });
    await settle();
    expect(agent.answers[0]?.welcome).toBeDefined();
    return agent;
  }

  /** Sent, and the commit that takes them is done. */
  async commit(agent: Agent, ...frames: EncodedFrame[]): Promise<void> {
    await agent.sendFrames(...frames);
    await this.clock.advance(DELAY_MS);
  }

  count(name: string): number {
    return metricTotal(this.metrics, name);
  }
}

/** An aggregator with one agent. */
export async function welcomed() {
  const aggregator = new Aggregator();
  return { aggregator, agent: await aggregator.welcome() };
}

export class Agent {
  readonly connection: MemoryConnection;
  readonly answers: AggregatorMessage__Output[] = [];
  served: Promise<void> = Promise.resolve();
  readonly encoder = new FrameEncoder(1, { keyframeEvery: 4 });
  readonly #slot = this.encoder.define(0, 0, labelsOf({ __name__: "up_things" }));
  #tick = 0;

  constructor(peer: string) {
    this.connection = new MemoryConnection(peer);
    void this.#listen();
  }

  async send(message: AgentMessage): Promise<void> {
    await this.connection.agent.send(message);
  }

  frame(): EncodedFrame {
    this.#tick += 1;
    this.encoder.set(this.#slot, this.#tick * 7);
    return this.encoder.encodeTick(1_000_000 + this.#tick * 1000);
  }

  async sendFrames(...frames: EncodedFrame[]): Promise<void> {
    for (const { definitions } of frames) {
      if (definitions.length > 0) await this.send(table(1, definitions));
    }
    await this.send({ frames: { frame: frames.map(({ bytes }) => bytes) } });
  }

  /** Sequences of the acks so far. */
  acks(): number[] {
    return this.answers.flatMap(({ ack }) => (ack ? [ack.seq] : []));
  }

  refusal(): string {
    const error = this.connection.closedWith;
    return error instanceof OperationalError ? `${error.code}: ${error.message}` : String(error);
  }

  async #listen(): Promise<void> {
    try {
      for await (const message of this.connection.agent.messages) this.answers.push(message);
    } catch {
      // the tests look at what it was closed with
    }
  }
}
