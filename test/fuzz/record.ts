import type {
  AgentMessage,
  AgentMessage__Output,
} from "../../shared/wire/generated/telltale/v1/AgentMessage.ts";
import { CaptureServer } from "../support/capture-server.ts";
import { type Bed, eventually } from "../support/programs.ts";
import type { Session } from "./session.ts";

const MESSAGES = 12;
const PATIENCE_MS = 60_000;

/** What a real agent of this machine says, at the port where the aggregator will be. */
export async function recordAgent(bed: Bed): Promise<Session> {
  const said: AgentMessage[] = [];
  await using _server = await CaptureServer.open(bed.address, (message) => {
    said.push(plain(message));
  });
  const agent = bed.start("agent");
  await eventually(() => said.length >= MESSAGES, PATIENCE_MS);
  await agent.kill();
  return said;
}

/** Without the name of the one field that is set. */
function plain({ message, ...fields }: AgentMessage__Output): AgentMessage {
  const name = message as keyof typeof fields;
  return { [name]: fields[name] } as AgentMessage;
}
