import { OperationalError } from "../../../shared/errors.ts";
import type {
  AgentMessage,
  AgentMessage__Output,
} from "../../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type {
  AggregatorMessage,
  AggregatorMessage__Output,
} from "../../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type {
  AgentConnection,
  AggregatorConnection,
} from "../../../shared/wire/ingest-connection.ts";
import { loadTelltale } from "../../../shared/wire/proto.ts";

const { Stream: method } = loadTelltale().v1.Ingest.service;

/** One direction: items in order, then an end or an error. */
class Lane<T> {
  readonly #items: T[] = [];
  #ending: { readonly error: Error | null } | null = null;
  #wakeReader = () => {};
  #wakeWriter = () => {};
  /** While it is set nothing is taken from the lane, and `push` waits. */
  isStuck = false;

  async push(item: T): Promise<void> {
    this.#throwIfEnded();
    this.#items.push(item);
    this.#wakeReader();
    while (this.isStuck) {
      await new Promise<void>((resolve) => {
        this.#wakeWriter = resolve;
      });
      this.#throwIfEnded();
    }
  }

  end(error: Error | null): void {
    this.#ending ??= { error };
    this.#wakeReader();
    this.#wakeWriter();
  }

  /** What was not taken yet is lost. */
  cut(): void {
    this.#items.length = 0;
    this.end(lost());
  }

  #throwIfEnded(): void {
    if (this.#ending !== null) throw this.#ending.error ?? lost();
  }

  async *read(): AsyncGenerator<T> {
    for (;;) {
      const item = this.isStuck ? undefined : this.#items.shift();
      if (item !== undefined) {
        yield item;
      } else if (this.#ending !== null) {
        if (this.#ending.error !== null) throw this.#ending.error;
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wakeReader = resolve;
        });
      }
    }
  }
}

/** Two joined ends of a stream; messages cross as the bytes gRPC would send. */
export class MemoryConnection {
  readonly up = new Lane<Buffer>();
  readonly down = new Lane<Buffer>();
  readonly agent: AgentConnection;
  readonly aggregator: AggregatorConnection;
  /** What the aggregator closed with: null for a plain end, undefined while it has not. */
  closedWith: Error | null | undefined;

  constructor(peer = "agent:1") {
    const { up, down } = this;
    this.agent = {
      peer: "aggregator:7070",
      send: (message: AgentMessage) => up.push(method.requestSerialize(message)),
      messages: decoded(down, (bytes) => method.responseDeserialize(bytes)),
      close: (error) => {
        up.end(null);
        if (error !== undefined) down.end(error);
      },
    };
    this.aggregator = {
      peer,
      send: (message: AggregatorMessage) => down.push(method.responseSerialize(message)),
      messages: decoded(up, (bytes) => method.requestDeserialize(bytes)),
      close: (error) => {
        if (this.closedWith === undefined) this.closedWith = error ?? null;
        down.end(error ?? null);
        if (error !== undefined) up.end(error);
      },
    };
  }

  /** The network goes: what is on its way is lost, both sides learn of it. */
  cut(): void {
    this.up.cut();
    this.down.cut();
  }
}

async function* decoded<T extends AgentMessage__Output | AggregatorMessage__Output>(
  lane: Lane<Buffer>,
  decode: (bytes: Buffer) => T,
): AsyncGenerator<T> {
  for await (const bytes of lane.read()) yield decode(bytes);
}

function lost(): OperationalError {
  return new OperationalError("UNAVAILABLE", "the connection is lost");
}
