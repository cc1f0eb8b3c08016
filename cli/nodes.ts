import type { Node__Output } from "../shared/wire/generated/telltale/v1/Node.ts";
import type { NodeAccounting__Output } from "../shared/wire/generated/telltale/v1/NodeAccounting.ts";
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
  /** How far its clock is ahead of the aggregator's; null: not known. */
  readonly clockAheadMs: number | null;
  /** Further than the aggregator allows. */
  readonly isClockOff: boolean;
  readonly accounting: AccountingJson | null;
};

/** Frames since the agent's buffer was made: made = stored + waiting + dropped + unaccounted. */
type AccountingJson = {
  readonly made: number;
  readonly stored: number;
  readonly waiting: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly unaccounted: number;
  readonly told: string | null;
  /** What was dropped last, newest last. */
  readonly ranges: readonly {
    readonly from: string | null;
    readonly to: string | null;
    readonly reason: string;
    readonly frames: number;
    readonly samples: number;
  }[];
};

const COLUMNS: readonly Column[] = [
  { title: "NODE" },
  { title: "STATE" },
  { title: "SINCE" },
  { title: "LAST TICK" },
  { title: "CLOCK", align: "right" },
  { title: "SERIES", align: "right" },
  { title: "STORED", align: "right" },
  { title: "DUPLICATE", align: "right" },
  { title: "REJECTED", align: "right" },
  { title: "MISSING", align: "right" },
  { title: "AGENT" },
  { title: "ADDRESS" },
];

const ACCOUNTING_COLUMNS: readonly Column[] = [
  { title: "NODE" },
  { title: "MADE", align: "right" },
  { title: "STORED", align: "right" },
  { title: "WAITING", align: "right" },
  { title: "DROPPED", align: "right" },
  { title: "UNACCOUNTED", align: "right" },
  { title: "TOLD" },
  { title: "REASONS" },
];

export function addNodesCommand(context: CommandContext): void {
  context.program
    .command("nodes")
    .description("The nodes the aggregator knows, and how each of them stands")
    .option(
      "--accounting",
      "where the frames of each node are; exits 1 when some are unaccounted for",
    )
    .addHelpText(
      "after",
      `
STORED, DUPLICATE, REJECTED and MISSING count frames (one tick of one node) since the aggregator
started. MISSING will not come any more; --accounting says why. CLOCK is how far the node's clock is
ahead of the aggregator's.

With --accounting all frames count since the agent's buffer was made, and
MADE = STORED + WAITING + DROPPED + UNACCOUNTED as of when the agent last TOLD.

Examples:
  $ telltale nodes
  $ telltale nodes --accounting
  $ telltale nodes --output json | jq -r '.[] | select(.state == "down") | .name'`,
    )
    .action(({ accounting }: { accounting?: true }, command) =>
      runCommand(context, command, async (run) => {
        const { nodes } = await run.aggregator.ask((client) => client.nodes, {});
        const text = accounting === true ? accountingText : nodesText;
        run.print(nodes.map(nodeJson), () => text(nodes, run));
        const isFinding = nodes.some((node) => (node.accounting?.unaccounted ?? 0) > 0);
        return accounting === true && isFinding ? 1 : 0;
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
    clockAheadMs: node.clockAheadMs ?? null,
    isClockOff: node.isClockOff,
    accounting: node.accounting === null ? null : accountingJson(node.accounting),
  };
}

function accountingJson(accounting: NodeAccounting__Output): AccountingJson {
  const { made, stored, waiting, dropped, unaccounted, toldMs, ranges } = accounting;
  return {
    made,
    stored,
    waiting,
    dropped: Object.fromEntries(dropped.map(({ reason, frames }) => [reason, frames])),
    unaccounted,
    told: isoTime(toldMs),
    ranges: ranges.map(({ fromMs, toMs, reason, frames, samples }) => {
      return { from: isoTime(fromMs), to: isoTime(toMs), reason, frames, samples };
    }),
  };
}

function accountingText(nodes: readonly Node__Output[], { terminal, paint }: Run): string {
  const nowMs = terminal.nowMs();
  const rows = nodes.map(({ name, accounting }): Cell[] => {
    if (accounting === null) return [name, "", "", "", "", "", "never"];
    const { made, stored, waiting, dropped, unaccounted, toldMs } = accounting;
    const given = dropped.reduce((sum, { frames }) => sum + frames, 0);
    const reasons = dropped.map(({ reason, frames }) => `${reason} ${frames}`).join(", ");
    const count: Cell = { text: String(unaccounted), color: unaccounted === 0 ? null : "red" };
    const told = formatAgo(toldMs, nowMs);
    return [name, `${made}`, `${stored}`, `${waiting}`, countCell(given), count, told, reasons];
  });
  return formatTable(ACCOUNTING_COLUMNS, rows, paint);
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
      clockCell(node),
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

function clockCell({ clockAheadMs, isClockOff }: Node__Output): Cell {
  if (clockAheadMs === undefined) return "";
  const text = `${clockAheadMs < 0 ? "" : "+"}${(clockAheadMs / 1000).toFixed(3)}s`;
  return { text, color: isClockOff ? "red" : null };
}

/** What should be 0 stands out where it is not. */
function countCell(count: number): Cell {
  return { text: String(count), color: count === 0 ? null : "yellow" };
}
