import { Option } from "commander";
import { compareText, labelsRecord, labelValue } from "../shared/model/labels.ts";
import type { DroppedTarget__Output } from "../shared/wire/generated/telltale/v1/DroppedTarget.ts";
import type { NodeTargets__Output } from "../shared/wire/generated/telltale/v1/NodeTargets.ts";
import type { RefusedTarget__Output } from "../shared/wire/generated/telltale/v1/RefusedTarget.ts";
import type { Target__Output } from "../shared/wire/generated/telltale/v1/Target.ts";
import type { TargetOffer__Output } from "../shared/wire/generated/telltale/v1/TargetOffer.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { countOf, formatAgo, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";
import type { Color } from "./terminal.ts";

type Health = "up" | "down" | "unknown";

type Options = {
  readonly node?: string;
  readonly job?: string;
  readonly state?: Health | "dropped";
  readonly offers?: true;
};

const HEALTHS: ReadonlyMap<Target__Output["health"], Health> = new Map([
  ["TARGET_HEALTH_UP", "up"],
  ["TARGET_HEALTH_DOWN", "down"],
]);
const COLORS: Record<Health, Color> = { up: "green", down: "red", unknown: "yellow" };
/** Down first. */
const ORDER: readonly Health[] = ["down", "unknown", "up"];

export function addTargetsCommand(context: CommandContext): void {
  context.program
    .command("targets")
    .description("What the agents scrape and probe, and how that goes; those that are down first")
    .option("--node <name>", "only those of this node")
    .option("--job <name>", "only those of this job")
    .addOption(
      new Option("--state <state>", "only those; dropped: what is not scraped, and why").choices([
        "up",
        "down",
        "unknown",
        "dropped",
      ]),
    )
    .option("--offers", "ports that look as if somebody could be scraped there; nothing asks them")
    .addHelpText(
      "after",
      `
A target of a node that is down is shown as its agent told last. LEFT OUT are samples of the last page
that were not taken. URLs are shown without passwords and without the values of parameters.

Examples:
  $ telltale targets
  $ telltale targets --state down --output json | jq -r '.[].error'
  $ telltale targets --state dropped --job docker
  $ telltale targets --offers

Exits 1 when a target is down.`,
    )
    .action((options: Options, command) =>
      runCommand(context, command, async (run) => {
        const request = { node: options.node ?? "" };
        const { nodes } = await run.aggregator.askTargets((client) => client.list, request);
        if (options.offers === true) printOffers(nodes, run);
        else if (options.state === "dropped") printDropped(nodes, options, run);
        else if (printTargets(nodes, options, run)) context.exitCode = 1;
      }),
    );
}

type TargetRow = {
  readonly node: NodeTargets__Output;
  readonly target: Target__Output;
  readonly health: Health;
  readonly lastScrapeMs: number;
  readonly scrapeSeconds: number;
  readonly samples: number;
};

/** Returns whether one is down. */
function printTargets(nodes: readonly NodeTargets__Output[], options: Options, run: Run): boolean {
  const rows = nodes
    .flatMap((node) => node.targets.flatMap((one) => rowOf(node, one)))
    .filter(({ target }) => options.job === undefined || target.job === options.job)
    .filter(({ health }) => options.state === undefined || health === options.state)
    .sort(compareRows);
  run.print(rows.map(targetJson), () => targetsText(nodes, rows, run));
  return rows.some(({ health, node }) => health === "down" && node.isUp);
}

function rowOf(
  node: NodeTargets__Output,
  { target, ...scrape }: NodeTargets__Output["targets"][number],
): TargetRow[] {
  if (target === null) return [];
  return [{ node, target, health: HEALTHS.get(target.health) ?? "unknown", ...scrape }];
}

function compareRows(a: TargetRow, b: TargetRow): number {
  return (
    ORDER.indexOf(a.health) - ORDER.indexOf(b.health) ||
    compareText(a.node.node, b.node.node) ||
    compareText(a.target.job, b.target.job) ||
    compareText(a.target.url, b.target.url)
  );
}

/** JSON form: a list of these, those that are down first. Times are RFC 3339 in UTC, null: not known. */
function targetJson({ node, target, health, lastScrapeMs, scrapeSeconds, samples }: TargetRow) {
  return {
    node: node.node,
    /** Null: its node is up. Else when its agent was last heard of. */
    asOf: node.isUp ? null : isoTime(node.toldMs),
    kind: target.isProbe ? "probe" : "scrape",
    job: target.job,
    url: target.url,
    labels: labelsRecord(target.labels),
    discoveredLabels: labelsRecord(target.discovered),
    /** up, down or unknown. */
    state: health,
    error: target.error,
    intervalMs: target.intervalMs,
    timeoutMs: target.timeoutMs,
    lastScrape: isoTime(lastScrapeMs),
    scrapeSeconds,
    samples,
    /** Samples of the last page that were not taken, by reason. */
    leftOut: Object.fromEntries(target.leftOut.map((one) => [one.reason, one.samples])),
    /** Texts of it were too long to be told. */
    isCut: target.isCut,
  };
}

function targetsText(
  nodes: readonly NodeTargets__Output[],
  rows: readonly TargetRow[],
  { terminal, paint }: Run,
): string {
  const nowMs = terminal.nowMs();
  const columns: readonly Column<TargetRow>[] = [
    { title: "NODE", cell: ({ node }) => node.node },
    { title: "JOB", cell: ({ target }) => labelValue(target.labels, "job") || target.job },
    { title: "TARGET", cell: ({ target }) => target.url },
    { title: "STATE", cell: (row) => stateCell(row, nowMs) },
    { title: "LAST SCRAPE", cell: ({ lastScrapeMs }) => formatAgo(lastScrapeMs, nowMs) },
    { title: "TOOK", align: "right", cell: ({ scrapeSeconds }) => tookText(scrapeSeconds) },
    { title: "SAMPLES", align: "right", cell: ({ samples }) => `${samples}` },
    { title: "LEFT OUT", cell: leftOutCell },
    { title: "ERROR", cell: ({ target }) => target.error },
  ];
  const table =
    rows.length === 0
      ? "No such targets: docs/scrape-config.md says how to have some scraped.\n"
      : formatTable(columns, rows, paint);
  return table + nodes.map(noteText).join("");
}

/** What else there is to say of a node's targets. */
function noteText({ node, notes }: NodeTargets__Output): string {
  if (notes === null) return "";
  const { droppedCounts, refusedCount, offers, offersLeftOut, targetsLeftOut } = notes;
  const dropped = droppedCounts.reduce((sum, { count }) => sum + count, 0) + refusedCount;
  const found = offers.length + offersLeftOut;
  const parts = [
    ...(targetsLeftOut > 0 ? [`${targetsLeftOut} more are scraped and not shown`] : []),
    ...(dropped > 0 ? [`${dropped} not scraped: --state dropped`] : []),
    ...(found > 0 ? [`${countOf(found, "offer")}: --offers`] : []),
  ];
  return parts.map((part) => `${node}: ${part}\n`).join("");
}

function stateCell({ health, node }: TargetRow, nowMs: number): Cell {
  if (node.isUp) return { text: health, color: COLORS[health] };
  return { text: `${health}, ${formatAgo(node.toldMs, nowMs)}`, color: "dim" };
}

function tookText(seconds: number): string {
  return seconds === 0 ? "" : `${Math.max(1, Math.round(seconds * 1000))}ms`;
}

function leftOutCell({ target: { leftOut } }: TargetRow): Cell {
  const text = leftOut.map(({ reason, samples }) => `${reason} ${samples}`).join(", ");
  return { text, color: "yellow" };
}

/** What is not scraped; a container or a unit that was refused has no labels. */
type DroppedRow = {
  readonly node: string;
  readonly what: string;
  readonly reason: string;
  readonly dropped: DroppedTarget__Output | null;
  readonly refused: RefusedTarget__Output | null;
};

function printDropped(nodes: readonly NodeTargets__Output[], { job }: Options, run: Run): void {
  const rows = nodes.flatMap(({ node, notes }): DroppedRow[] => [
    ...(notes?.refused ?? []).map((refused) => {
      return { node, what: refused.subject, reason: refused.reason, dropped: null, refused };
    }),
    ...(notes?.dropped ?? []).map((dropped) => {
      const address = labelValue(dropped.discovered, "__address__");
      const what = `${dropped.job}: ${address}`;
      return { node, what, reason: dropped.reason, dropped, refused: null };
    }),
  ]);
  const wanted = rows.filter(({ dropped }) => job === undefined || dropped?.job === job);
  const json = wanted.map(({ node, reason, dropped, refused }) => ({
    node,
    reason,
    /** Null: it is a container or a unit. */
    job: dropped?.job ?? null,
    subject: refused?.subject ?? null,
    discoveredLabels: labelsRecord(dropped?.discovered ?? []),
  }));
  run.print(json, () => {
    if (wanted.length === 0) return "Nothing was dropped or refused.\n";
    const columns: readonly Column<DroppedRow>[] = [
      { title: "NODE", cell: ({ node }) => node },
      { title: "NOT SCRAPED", cell: ({ what }) => what },
      { title: "REASON", cell: ({ reason }) => reason },
    ];
    return formatTable(columns, wanted, run.paint) + unshownText(nodes);
  });
}

function unshownText(nodes: readonly NodeTargets__Output[]): string {
  return nodes
    .map(({ node, notes }) => {
      if (notes === null) return "";
      const all = notes.droppedCounts.reduce((sum, { count }) => sum + count, notes.refusedCount);
      const more = all - notes.dropped.length - notes.refused.length;
      return more > 0 ? `${node}: ${more} more are not shown\n` : "";
    })
    .join("");
}

type OfferRow = TargetOffer__Output & { readonly node: string };

function printOffers(nodes: readonly NodeTargets__Output[], run: Run): void {
  const rows = nodes.flatMap(({ node, notes }): OfferRow[] =>
    (notes?.offers ?? []).map((offer) => ({ node, ...offer })),
  );
  run.print(rows, () => {
    if (rows.length === 0) return "Nothing more that listens looks like an exporter.\n";
    const columns: readonly Column<OfferRow>[] = [
      { title: "NODE", cell: ({ node }) => node },
      { title: "LISTENS ON", cell: ({ address, port }) => joined(address, port) },
      { title: "BY", cell: ({ container, unit, program }) => container || unit || program },
      { title: "LOOKS LIKE", cell: ({ what }) => what },
      { title: "TO SCRAPE IT, WRITE", cell: ({ accept }) => accept.split("\n").join(" ⏎ ") },
    ];
    return formatTable(columns, rows, run.paint);
  });
}

function joined(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
