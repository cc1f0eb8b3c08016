import type { AgentAccess__Output } from "../shared/wire/generated/telltale/v1/AgentAccess.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { countOf, formatAgo, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";

type AgentState = "good" | "revoked" | "ended";

const COLORS = { good: "green", revoked: "red", ended: "yellow" } as const;
const FINGERPRINT_SHOWN = 16;

export function addAgentsCommand(context: CommandContext): void {
  const agents = context.program
    .command("agents")
    .description("Which nodes may write, by their certificates; for the role admin");
  agents
    .command("list")
    .description("Each node's newest certificate")
    .action((_options, command) =>
      runCommand(context, command, async (run) => {
        const { agents: list } = await run.aggregator.askAccess((client) => client.listAgents, {});
        const nowMs = run.terminal.nowMs();
        const json = list.map((agent) => agentJson(agent, nowMs));
        run.print(json, () => agentsText(list, nowMs, run));
      }),
    );
  agents
    .command("revoke <node>")
    .description("End the node's certificates: it is cut off at once, and has to join again")
    .action((node: string, _options, command) =>
      runCommand(context, command, async (run) => {
        const request = { node };
        const answer = await run.aggregator.askAccess((client) => client.revokeAgent, request);
        const { certificates } = answer;
        run.print({ node, certificates }, () => {
          return `Node ${node} is cut off: ${countOf(certificates, "certificate")} revoked.\n`;
        });
      }),
    );
}

function stateOf({ revokedMs, notAfterMs }: AgentAccess__Output, nowMs: number): AgentState {
  if (revokedMs > 0) return "revoked";
  return notAfterMs < nowMs ? "ended" : "good";
}

/** JSON form: a list of these, by name; of each node its newest certificate. */
function agentJson(agent: AgentAccess__Output, nowMs: number) {
  return {
    node: agent.node,
    /** SHA-256 of the certificate, hex digits. */
    fingerprint: agent.fingerprint,
    state: stateOf(agent, nowMs),
    /** RFC 3339 in UTC, as the next two. */
    issued: isoTime(agent.issuedMs),
    notAfter: isoTime(agent.notAfterMs),
    /** null: it was not. */
    revoked: isoTime(agent.revokedMs),
  };
}

function agentsText(agents: readonly AgentAccess__Output[], nowMs: number, { paint }: Run): string {
  if (agents.length === 0) {
    return "No node has joined: telltale-aggregator token create makes a token for one.\n";
  }
  const stateCell = (agent: AgentAccess__Output): Cell => {
    const state = stateOf(agent, nowMs);
    return { text: state, color: COLORS[state] };
  };
  const columns: readonly Column<AgentAccess__Output>[] = [
    { title: "NODE", cell: ({ node }) => node },
    { title: "CERTIFICATE", cell: stateCell },
    { title: "ISSUED", cell: ({ issuedMs }) => formatAgo(issuedMs, nowMs) },
    { title: "ENDS", cell: ({ notAfterMs }) => formatAgo(notAfterMs, nowMs) },
    { title: "FINGERPRINT", cell: ({ fingerprint }) => fingerprint.slice(0, FINGERPRINT_SHOWN) },
  ];
  return formatTable(columns, agents, paint);
}
