import type { Node__Output } from "../shared/wire/generated/telltale/v1/Node.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, isoTime } from "./format.ts";
import { NODE_COLORS, type NodeState, nodeStateOf } from "./node-standing.ts";
import { type Cell, type Column, formatTable } from "./table.ts";

/**
 * JSON form: a list of these, sorted by name. Times are RFC 3339 in UTC, null where there is none;
 * frames are counted since the aggregator started.
 */
type NodeJson = {
  readonly name: string;
  readonly state: NodeState;
  readonly stateSince: string | null;
  readonly lastTick: string | null;
  readonly agentVersion: string;
  /** Empty while it is not connected. */
  readonly address: string;
  readonly series: number;
  readonly frames: {
    readonly stored: number;
    readonly duplicate: number;
    readonly rejected: number;
    readonly missing: number;
  };
};

const COLUMNS: readonly Column[] = [
  { title: "NODE" },
  { title: "STATE" },
  { title: "SINCE" },
  { title: "LAST TICK" },
  { title: "SERIES", align: "right" },
  { title: "STORED", align: "right" },
  { title: "DUPLICATE", align: "right" },
  { title: "REJECTED", align: "right" },
  { title: "MISSING", align: "right" },
  { title: "AGENT" },
  { title: "ADDRESS" },
];

export function addNodesCommand(context: CommandContext): void {
  context.program
    .command("nodes")
    .description("The nodes the aggregator knows, and how each of them stands")
    .addHelpText(
      "after",
      `
STORED, DUPLICATE, REJECTED and MISSING count frames (one tick of one node) since the aggregator
started. MISSING will not come any more; the agent's own /metrics say why.

Examples:
  $ telltale nodes
  $ telltale nodes --output json | jq -r '.[] | select(.state == "down") | .name'`,
    )
    .action((_options, command) =>
      runCommand(context, command, async (run) => {
        const { nodes } = await run.aggregator.ask((client) => client.nodes, {});
        run.print(nodes.map(nodeJson), () => nodesText(nodes, run));
        return 0;
      }),
    );
}

function nodeJson(node: Node__Output): NodeJson {
  return {
    name: node.name,
    state: nodeStateOf(node),
    stateSince: isoTime(node.stateSinceMs),
    lastTick: isoTime(node.lastTickMs),
    agentVersion: node.agentVersion,
    address: node.address,
    series: node.series,
    frames: {
      stored: node.framesStored,
      duplicate: node.framesDuplicate,
      rejected: node.framesRejected,
      missing: node.framesMissing,
    },
  };
}

function nodesText(nodes: readonly Node__Output[], { terminal, paint }: Run): string {
  if (nodes.length === 0) {
    return "No nodes yet: start telltale-agent on one and point it at this aggregator.\n";
  }
  const nowMs = terminal.nowMs();
  const rows = nodes.map((node): Cell[] => {
    const state = nodeStateOf(node);
    return [
      node.name,
      { text: state, color: NODE_COLORS[state] },
      formatAgo(node.stateSinceMs, nowMs),
      formatAgo(node.lastTickMs, nowMs),
      String(node.series),
      String(node.framesStored),
      String(node.framesDuplicate),
      countCell(node.framesRejected),
      countCell(node.framesMissing),
      node.agentVersion,
      node.address,
    ];
  });
  return formatTable(COLUMNS, rows, paint);
}

/** What should be 0 stands out where it is not. */
function countCell(count: number): Cell {
  return { text: String(count), color: count === 0 ? null : "yellow" };
}
