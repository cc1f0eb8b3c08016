import type { AgentAccess__Output } from "../shared/wire/generated/telltale/v1/AgentAccess.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { countOf, formatAgo, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";

/** JSON form: a list of these, by name; of each node its newest certificate. */
type AgentJson = {
  readonly node: string;
  /** SHA-256 of the certificate, hex digits. */
  readonly fingerprint: string;
  readonly state: AgentState;
  /** RFC 3339 in UTC. */
  readonly issued: string | null;
  readonly notAfter: string | null;
  /** null: it was not. */
  readonly revoked: string | null;
};

type AgentState = "good" | "revoked" | "ended";

const COLUMNS: readonly Column[] = [
  { title: "NODE" },
  { title: "CERTIFICATE" },
  { title: "ISSUED" },
  { title: "ENDS" },
  { title: "FINGERPRINT" },
];
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
        run.print(
          list.map((agent) => agentJson(agent, nowMs)),
          () => agentsText(list, run),
        );
        return 0;
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
        return 0;
      }),
    );
}

function stateOf({ revokedMs, notAfterMs }: AgentAccess__Output, nowMs: number): AgentState {
  if (revokedMs > 0) return "revoked";
  return notAfterMs < nowMs ? "ended" : "good";
}

function agentJson(agent: AgentAccess__Output, nowMs: number): AgentJson {
  const { node, fingerprint, issuedMs, notAfterMs, revokedMs } = agent;
  return {
    node,
    fingerprint,
    state: stateOf(agent, nowMs),
    issued: isoTime(issuedMs),
    notAfter: isoTime(notAfterMs),
    revoked: isoTime(revokedMs),
  };
}

function agentsText(agents: readonly AgentAccess__Output[], { terminal, paint }: Run): string {
  if (agents.length === 0) {
    return "No node has joined: telltale-aggregator token create makes a token for one.\n";
  }
  const nowMs = terminal.nowMs();
  const rows = agents.map((agent): Cell[] => {
    const state = stateOf(agent, nowMs);
    return [
      agent.node,
      { text: state, color: COLORS[state] },
      formatAgo(agent.issuedMs, nowMs),
      formatAgo(agent.notAfterMs, nowMs),
      agent.fingerprint.slice(0, FINGERPRINT_SHOWN),
    ];
  });
  return formatTable(COLUMNS, rows, paint);
}
