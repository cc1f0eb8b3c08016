import type { Node__Output } from "../shared/wire/generated/telltale/v1/Node.ts";
import type { NodeAccounting__Output } from "../shared/wire/generated/telltale/v1/NodeAccounting.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { formatAgo, isoTime } from "./format.ts";
import { NODE_COLORS, nodeStateOf } from "./node-standing.ts";
import { type Cell, type Column, formatTable } from "./table.ts";
import type { Color } from "./terminal.ts";

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

With --accounting all frames, and all blocks of log lines, count since the agent's buffer was made, and
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
        const isFinding = nodes.flatMap(booksOf).some(({ books }) => (books?.unaccounted ?? 0) > 0);
        if (accounting === true && isFinding) context.exitCode = 1;
      }),
    );
}

/**
 * JSON form: a list of these, sorted by name. Times are RFC 3339 in UTC, null where there is none;
 * frames are counted since the aggregator started.
 */
function nodeJson(node: Node__Output) {
  return {
    name: node.name,
    state: nodeStateOf(node),
    stateSince: isoTime(node.stateSinceMs),
    lastTick: isoTime(node.lastTickMs),
    agentVersion: node.agentVersion,
    /** Empty while it is not connected. */
    address: node.address,
    series: node.series,
    frames: {
      stored: node.framesStored,
      duplicate: node.framesDuplicate,
      rejected: node.framesRejected,
      missing: node.framesMissing,
    },
    /** How far its clock is ahead of the aggregator's; null: not known. */
    clockAheadMs: node.clockAheadMs ?? null,
    /** Further than the aggregator allows. */
    isClockOff: node.isClockOff,
    accounting: node.accounting && accountingJson(node.accounting),
    /** Of its blocks of log lines; null: its agent reads none. */
    logAccounting: node.logAccounting && accountingJson(node.logAccounting),
  };
}

/** What is counted apart. */
type Books = {
  readonly name: string;
  readonly of: string;
  /** Null until its agent has told them. */
  readonly books: NodeAccounting__Output | null;
};

function booksOf({ name, accounting, logAccounting }: Node__Output): Books[] {
  const frames = { name, of: "frames", books: accounting };
  const logs = { name, of: "log blocks", books: logAccounting };
  return logAccounting === null ? [frames] : [frames, logs];
}

/** Frames since the agent's buffer was made: made = stored + waiting + dropped + unaccounted. */
function accountingJson(accounting: NodeAccounting__Output) {
  const { made, stored, waiting, dropped, unaccounted, toldMs, ranges } = accounting;
  return {
    made,
    stored,
    waiting,
    dropped: Object.fromEntries(dropped.map(({ reason, frames }) => [reason, frames])),
    unaccounted,
    told: isoTime(toldMs),
    /** What was dropped last, newest last. */
    ranges: ranges.map(({ fromMs, toMs, reason, frames, samples }) => {
      return { from: isoTime(fromMs), to: isoTime(toMs), reason, frames, samples };
    }),
  };
}

function accountingText(nodes: readonly Node__Output[], { terminal, paint }: Run): string {
  const nowMs = terminal.nowMs();
  /** A cell of an agent's accounts, empty where there are none yet. */
  const of = (cell: (books: NodeAccounting__Output) => Cell) => {
    return ({ books }: Books) => (books === null ? "" : cell(books));
  };
  const columns: readonly Column<Books>[] = [
    { title: "NODE", cell: ({ name }) => name },
    { title: "OF", cell: (row) => row.of },
    { title: "MADE", align: "right", cell: of(({ made }) => `${made}`) },
    { title: "STORED", align: "right", cell: of(({ stored }) => `${stored}`) },
    { title: "WAITING", align: "right", cell: of(({ waiting }) => `${waiting}`) },
    { title: "DROPPED", align: "right", cell: of(droppedCell) },
    { title: "UNACCOUNTED", align: "right", cell: of((all) => countCell(all.unaccounted, "red")) },
    { title: "TOLD", cell: ({ books }) => formatAgo(books?.toldMs ?? 0, nowMs) },
    { title: "REASONS", cell: of(reasonsText) },
  ];
  return formatTable(columns, nodes.flatMap(booksOf), paint);
}

function droppedCell({ dropped }: NodeAccounting__Output): Cell {
  return countCell(dropped.reduce((sum, { frames }) => sum + frames, 0));
}

function reasonsText({ dropped }: NodeAccounting__Output): string {
  return dropped.map(({ reason, frames }) => `${reason} ${frames}`).join(", ");
}

function nodesText(nodes: readonly Node__Output[], { terminal, paint }: Run): string {
  if (nodes.length === 0) {
    return "No nodes yet: start telltale-agent on one and point it at this aggregator.\n";
  }
  const nowMs = terminal.nowMs();
  const columns: readonly Column<Node__Output>[] = [
    { title: "NODE", cell: ({ name }) => name },
    { title: "STATE", cell: stateCell },
    { title: "SINCE", cell: ({ stateSinceMs }) => formatAgo(stateSinceMs, nowMs) },
    { title: "LAST TICK", cell: ({ lastTickMs }) => formatAgo(lastTickMs, nowMs) },
    { title: "CLOCK", align: "right", cell: clockCell },
    { title: "SERIES", align: "right", cell: ({ series }) => `${series}` },
    { title: "STORED", align: "right", cell: ({ framesStored }) => `${framesStored}` },
    { title: "DUPLICATE", align: "right", cell: ({ framesDuplicate }) => `${framesDuplicate}` },
    { title: "REJECTED", align: "right", cell: (node) => countCell(node.framesRejected) },
    { title: "MISSING", align: "right", cell: (node) => countCell(node.framesMissing) },
    { title: "AGENT", cell: ({ agentVersion }) => agentVersion },
    { title: "ADDRESS", cell: ({ address }) => address },
  ];
  return formatTable(columns, nodes, paint);
}

function stateCell(node: Node__Output): Cell {
  const state = nodeStateOf(node);
  return { text: state, color: NODE_COLORS[state] };
}

function clockCell({ clockAheadMs, isClockOff }: Node__Output): Cell {
  if (clockAheadMs === undefined) return "";
  const text = `${clockAheadMs < 0 ? "" : "+"}${(clockAheadMs / 1000).toFixed(3)}s`;
  return { text, color: isClockOff ? "red" : null };
}

/** What should be 0 stands out where it is not. */
function countCell(count: number, color: Color = "yellow"): Cell {
  return { text: String(count), color: count === 0 ? null : color };
}
