import { promisify } from "node:util";
import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import type {
  AgentMessage,
  AgentMessage__Output,
} from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import type { AggregatorMessage } from "../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import { loadTelltale } from "../../shared/wire/proto.ts";
import { type Bed, eventually } from "../support/programs.ts";
import type { Session } from "./session.ts";

const MESSAGES = 12;
const PATIENCE_MS = 60_000;

/** What a real agent of this machine says, at the port where the aggregator will be. */
export async function recordAgent(bed: Bed): Promise<Session> {
  const said: AgentMessage[] = [];
  const server = new Server();
  server.addService(loadTelltale().v1.Ingest.service, {
    Stream: (call: ServerDuplexStream<AgentMessage__Output, AggregatorMessage>) => {
      call.on("error", () => {});
      call.on("data", (message: AgentMessage__Output) => {
        said.push(plain(message));
        if (message.hello) call.write({ welcome: { windowFrames: 1000, aggregatorVersion: "0" } });
      });
    },
  });
  await promisify(server.bindAsync.bind(server))(bed.address, ServerCredentials.createInsecure());
  const agent = bed.start("agent");
  await eventually(() => said.length >= MESSAGES, PATIENCE_MS);
  await agent.kill();
  server.forceShutdown();
  return said;
}

/** Without the name of the one field that is set. */
function plain({ message, ...fields }: AgentMessage__Output): AgentMessage {
  const name = message as keyof typeof fields;
  return { [name]: fields[name] } as AgentMessage;
}
