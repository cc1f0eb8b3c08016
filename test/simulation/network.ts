import { OperationalError } from "../../shared/errors.ts";
import type {
  AgentMessage,
  AgentMessage__Output,
} from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type {
  AggregatorMessage,
  AggregatorMessage__Output,
} from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type { AgentConnection, AggregatorConnection } from "../../shared/wire/ingest-connection.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { type CrashKind, never } from "../support/memory-store.ts";
import { Pipe } from "../support/pipe.ts";
import type { SeededRandom } from "../support/random.ts";
import type { Process, Surroundings } from "./host.ts";
import { AGGREGATOR, type NetworkOptions } from "./plan.ts";

const { Stream: method } = loadTelltale().v1.Ingest.service;
const upward = {
  encode: (message: AgentMessage) => method.requestSerialize(message),
  decode: (bytes: Buffer) => method.requestDeserialize(bytes) as AgentMessage__Output,
};
const downward = {
  encode: (message: AggregatorMessage) => method.responseSerialize(message),
  decode: (bytes: Buffer) => method.responseDeserialize(bytes) as AggregatorMessage__Output,
};

/** The way between one host and an aggregator. While it is cut everything on it waits. */
export class Link {
  #cutUntil: Promise<void> | null = null;
  #heal = () => {};

  get isCut(): boolean {
    return this.#cutUntil !== null;
  }

  cut(): void {
    this.#cutUntil ??= new Promise((resolve) => {
      this.#heal = resolve;
    });
  }

  heal(): void {
    this.#cutUntil = null;
    this.#heal();
  }

  async open(): Promise<void> {
    while (this.#cutUntil !== null) await this.#cutUntil;
  }
}

/** The hosts of a connection. */
export type Ends = {
  readonly agent: string;
  readonly aggregator: string;
  /** What it carries: log lines, or ticks. */
  readonly isLogs: boolean;
};

/** Is told what the aggregator says to an agent, and when the agent hears it. */
export type Observer = {
  readonly agentGot: (ends: Ends, message: AggregatorMessage__Output) => void;
  /** Returns what goes on its way. */
  readonly aggregatorSent: (
    ends: Ends,
    message: AggregatorMessage__Output,
  ) => AggregatorMessage__Output;
};

type Accept = (connection: AggregatorConnection) => void;
type Listener = { readonly process: Process; readonly accept: Accept };

/**
 * The network between the agents and their aggregators. As TCP: within a connection nothing is
 * lost and nothing overtakes; what was on its way when a connection breaks may be lost; the two
 * sides learn of it at different times, or by silence only.
 */
export class Network {
  readonly #world: Surroundings;
  readonly #options: NetworkOptions;
  readonly #observer: Observer;
  readonly #random: SeededRandom;
  readonly #links = new Map<string, Link>();
  readonly #open = new Set<SimulatedConnection>();
  /** By the host's name. */
  readonly #listeners = new Map<string, Listener>();
  /** By host: what its agent said on its newest connection, and to whom. */
  readonly #said = new Map<string, { readonly to: string; readonly messages: readonly Buffer[] }>();
  #count = 0;

  constructor(world: Surroundings, options: NetworkOptions, observer: Observer) {
    this.#world = world;
    this.#observer = observer;
    this.#options = options;
    this.#random = world.random.fork("network");
  }

  listen(process: Process, accept: Accept): void {
    this.#listeners.set(process.host.name, { process, accept });
  }

  /** No connection is accepted any more; those that are open stay. */
  unlisten(process: Process): void {
    const { name } = process.host;
    if (this.#listeners.get(name)?.process === process) this.#listeners.delete(name);
  }

  async connect(process: Process, to: string, signal: AbortSignal): Promise<AgentConnection> {
    const name = process.host.name;
    const link = this.link(linkName(name, to));
    await process.clock.sleep(this.#latencyMs(), signal);
    if (link.isCut) {
      await process.clock.sleep(this.#options.silenceMaxMs, signal);
      throw new OperationalError("UNAVAILABLE", "aggregator: no answer");
    }
    const listener = this.#listeners.get(to);
    if (listener === undefined || listener.process.isDead) {
      throw new OperationalError("UNAVAILABLE", `${to}: connection refused`);
    }
    const connection = this.#connection(process, link, listener.process);
    this.#said.set(name, { to, messages: connection.said });
    this.#open.add(connection);
    const kind = to === AGGREGATOR ? "connect" : `connect-${to}`;
    this.#world.trace.add(kind, name, connection.name);
    listener.accept(connection.aggregatorEnd);
    return connection.agentEnd;
  }

  /** Whether `to` would accept a connection now. */
  async probe(process: Process, to: string): Promise<boolean> {
    const listener = this.#listeners.get(to);
    const isCut = this.link(linkName(process.host.name, to)).isCut;
    await process.clock.sleep(this.#latencyMs());
    return !isCut && listener?.process.isDead === false;
  }

  #connection(agent: Process, link: Link, aggregator: Process): SimulatedConnection {
    this.#count += 1;
    return new SimulatedConnection(`${agent.host.name}#${this.#count}`, {
      world: this.#world,
      observer: this.#observer,
      link,
      agent,
      aggregator,
      latencyMs: () => this.#latencyMs(),
      roomMessages: this.#options.roomMessages,
    });
  }

  link(host: string): Link {
    const known = this.#links.get(host);
    if (known !== undefined) return known;
    const link = new Link();
    this.#links.set(host, link);
    return link;
  }

  /** The connections of a host break; one side may learn of it much later than the other. */
  drop(host: string): void {
    for (const connection of this.#of(host)) {
      const side = this.#random.chance(0.5) ? "agent" : "aggregator";
      const isBroken = connection.breakEnd(side, "connection reset");
      if (isBroken) this.#world.trace.add("drop", host, connection.name);
      this.#breakLater(connection, otherSide(side));
    }
  }

  /**
   * The connections of a host break for one side only; the other never hears of it, and what was on
   * its way to the aggregator still arrives, however late.
   */
  halfOpen(host: string): void {
    for (const connection of this.#of(host)) {
      this.#world.trace.add("half-open", host, connection.name);
      const side = this.#random.chance(0.7) ? "agent" : "aggregator";
      connection.breakEnd(side, "connection reset");
      this.#open.delete(connection);
    }
  }

  /**
   * What an agent said on an earlier connection arrives once more, on a connection of its own, as
   * from a proxy that repeats. It stops somewhere, and is left open.
   */
  async replay(process: Process): Promise<void> {
    const { name } = process.host;
    const { to = "", messages = [] } = this.#said.get(name) ?? {};
    const listener = this.#listeners.get(to);
    if (listener === undefined || listener.process.isDead || messages.length === 0) return;
    const ghost = this.#connection(process, this.link(linkName(name, to)), listener.process);
    this.#world.trace.add("replay", name, `${ghost.name} ${messages.length}`);
    listener.accept(ghost.aggregatorEnd);
    await ghost.repeat(messages.slice(0, this.#random.int(1, messages.length)));
  }

  /**
   * Nothing comes through to the aggregator until `heal`, the standby can be reached; who hears
   * nothing for too long gives up meanwhile.
   */
  cut(host: string): void {
    const link = this.link(host);
    link.cut();
    this.#world.trace.add("cut", host);
    for (const connection of this.#of(host).filter((one) => one.link === link)) {
      for (const side of SIDES) {
        this.#after(this.#options.silenceMaxMs * this.#random.between(0.4, 1), () => {
          const isBroken = link.isCut && connection.breakEnd(side, "keepalive: no answer");
          if (isBroken) this.#breakLater(connection, otherSide(side));
        });
      }
    }
  }

  heal(host: string): void {
    if (!this.link(host).isCut) return;
    this.#world.trace.add("heal", host);
    this.link(host).heal();
  }

  /** A process died. Its kernel says so to the peers, or, with the power cut, nobody does. */
  processDied(process: Process, kind: CrashKind): void {
    this.unlisten(process);
    for (const connection of this.#open) {
      const side = connection.sideOf(process);
      if (side === null) continue;
      connection.truncate(side, this.#random);
      if (kind === "kill") connection.end(side);
      this.#breakLater(connection, otherSide(side));
    }
  }

  /** A process ended as it wanted to: all that it sent arrives, then the end. */
  processExited(process: Process): void {
    this.unlisten(process);
    for (const connection of this.#open) {
      const side = connection.sideOf(process);
      if (side === null) continue;
      connection.end(side);
      this.#open.delete(connection);
    }
  }

  #breakLater(connection: SimulatedConnection, side: Side): void {
    this.#open.delete(connection);
    const isSoon = this.#random.chance(0.5);
    const ms = isSoon ? this.#latencyMs() : this.#random.between(0, this.#options.silenceMaxMs);
    this.#after(ms, () => void connection.breakEnd(side, "connection reset"));
  }

  #of(host: string): SimulatedConnection[] {
    return [...this.#open].filter(({ agentHost }) => agentHost === host);
  }

  /** Mostly short, now and then the longest. */
  #latencyMs(): number {
    return this.#random.next() ** 3 * this.#options.latencyMaxMs;
  }

  #after(ms: number, act: () => void): void {
    void this.#world.clock.sleep(ms).then(act);
  }
}

/** An agent has a link to each aggregator; that to the first bears the name of its host alone. */
function linkName(agent: string, aggregator: string): string {
  return aggregator === AGGREGATOR ? agent : `${agent}>${aggregator}`;
}

type Side = "agent" | "aggregator";
const SIDES = ["agent", "aggregator"] as const;

function otherSide(side: Side): Side {
  return side === "agent" ? "aggregator" : "agent";
}

type ConnectionParts = {
  readonly world: Surroundings;
  readonly observer: Observer;
  readonly link: Link;
  readonly agent: Process;
  readonly aggregator: Process;
  readonly latencyMs: () => number;
  readonly roomMessages: number;
};

/** Two ends and a pipe in each direction; messages cross as the bytes gRPC would send. */
class SimulatedConnection {
  readonly name: string;
  readonly agentEnd: AgentConnection;
  readonly aggregatorEnd: AggregatorConnection;
  readonly #parts: ConnectionParts;
  readonly #up: Pipe<Buffer>;
  readonly #down: Pipe<Buffer>;
  /** The agent's messages but its goodbye. */
  readonly said: Buffer[] = [];
  #isLogs = false;

  constructor(name: string, parts: ConnectionParts) {
    this.name = name;
    this.#parts = parts;
    const { world, link, latencyMs, roomMessages } = parts;
    const options = {
      clock: world.clock,
      open: () => link.open(),
      latencyMs,
      roomItems: roomMessages,
    };
    this.#up = new Pipe(options);
    this.#down = new Pipe(options);
    this.agentEnd = {
      peer: `${parts.aggregator.host.name}:7070`,
      send: (message) => this.#send("agent", upward.encode(message), Object.keys(message)[0]),
      messages: this.#messages("agent", downward.decode, parts.observer.agentGot),
      close: (error) => this.#close("agent", error),
    };
    this.aggregatorEnd = {
      peer: name,
      send: (message) => {
        const bytes = downward.encode(message);
        const said = downward.decode(bytes);
        const sent = parts.aggregator.isDead
          ? said
          : parts.observer.aggregatorSent(this.#ends, said);
        const kind = Object.keys(message)[0];
        return this.#send("aggregator", sent === said ? bytes : downward.encode(sent), kind);
      },
      messages: this.#messages("aggregator", upward.decode, (_, { hello }) => {
        if (hello) this.#isLogs = hello.kind === "KIND_LOGS";
      }),
      close: (error) => this.#close("aggregator", error),
    };
  }

  get link(): Link {
    return this.#parts.link;
  }

  get #ends(): Ends {
    const aggregator = this.#parts.aggregator.host.name;
    return { agent: this.agentHost, aggregator, isLogs: this.#isLogs };
  }

  get agentHost(): string {
    return this.#parts.agent.host.name;
  }

  sideOf(process: Process): Side | null {
    if (this.#parts.agent === process) return "agent";
    return this.#parts.aggregator === process ? "aggregator" : null;
  }

  /** This side finds that the connection is gone. Returns whether that is new to it. */
  breakEnd(side: Side, why: string): boolean {
    const error = new OperationalError("UNAVAILABLE", `${this.name}: ${why}`);
    const isNew = this.#inOf(side).breakReader(error);
    this.#outOf(side).breakWriter(error);
    if (isNew) this.#parts.world.trace.add("break", this.name, `${side}: ${why}`);
    return isNew;
  }

  /** The process of this side is gone; of what it has sent a part may still arrive. */
  truncate(side: Side, random: SeededRandom): void {
    this.#outOf(side).truncate(random);
  }

  /** The kernel of this side says that it ended. */
  end(side: Side): void {
    this.#outOf(side).end(new OperationalError("UNAVAILABLE", `${this.name}: connection reset`));
  }

  /** Sends it up as if the agent did. */
  async repeat(said: readonly Buffer[]): Promise<void> {
    try {
      for (const bytes of said) await this.#up.write(bytes);
    } catch {
      // The aggregator closed it.
    }
  }

  async #send(side: Side, bytes: Buffer, kind = ""): Promise<void> {
    const process = this.#parts[side];
    if (process.isDead) await never();
    if (side === "agent" && kind !== "goodbye") this.said.push(bytes);
    this.#parts.world.trace.add(`send-${kind}`, this.name, `${bytes.length}`);
    await this.#outOf(side).write(bytes);
  }

  async *#messages<T>(
    side: Side,
    decode: (bytes: Buffer) => T,
    observe: (ends: Ends, message: T) => void,
  ): AsyncGenerator<T> {
    const process = this.#parts[side];
    try {
      for await (const bytes of this.#inOf(side).read()) {
        if (process.isDead) await never();
        const message = decode(bytes);
        observe(this.#ends, message);
        yield message;
      }
    } finally {
      if (process.isDead) await never();
    }
  }

  #close(side: Side, error: Error | undefined): void {
    const process = this.#parts[side];
    if (process.isDead) return;
    this.#parts.world.trace.add("close", this.name, `${side} ${error?.message ?? ""}`);
    this.#outOf(side).end(error ?? null);
    if (error !== undefined) this.#inOf(side).breakReader(error);
  }

  #inOf(side: Side): Pipe<Buffer> {
    return side === "agent" ? this.#down : this.#up;
  }

  #outOf(side: Side): Pipe<Buffer> {
    return side === "agent" ? this.#up : this.#down;
  }
}
