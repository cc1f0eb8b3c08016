import type { AgentMessage, AgentMessage__Output } from "./generated/telltale/v1/AgentMessage.ts";
import type {
  AggregatorMessage,
  AggregatorMessage__Output,
} from "./generated/telltale/v1/AggregatorMessage.ts";

/** One end of an open stream: real over gRPC, in memory in the simulation. */
type Connection<Out, In> = {
  /** Resolves when there is room for more; rejects when the connection is gone. */
  send(message: Out): Promise<void>;
  /** Ends when the peer ends the stream; throws OperationalError when the connection breaks. */
  readonly messages: AsyncIterable<In>;
  /** Ends the stream; with an error the peer is told its code and message. */
  close(error?: Error): void;
  /** Where the peer is, for a person. */
  readonly peer: string;
};

export type AgentConnection = Connection<AgentMessage, AggregatorMessage__Output>;
export type AggregatorConnection = Connection<AggregatorMessage, AgentMessage__Output> & {
  /** The node that the peer's certificate is for: it may write as no other. Absent: nobody asked. */
  readonly certifiedNode?: string;
};
export type ConnectIngest = (signal: AbortSignal) => Promise<AgentConnection>;
