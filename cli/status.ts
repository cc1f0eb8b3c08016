import type { Alert__Output } from "../shared/wire/generated/telltale/v1/Alert.ts";
import type { Node__Output } from "../shared/wire/generated/telltale/v1/Node.ts";
import type { RuleGroup__Output } from "../shared/wire/generated/telltale/v1/RuleGroup.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { countOf, formatAgo } from "./format.ts";
import { type NodeState, nodeStateOf } from "./node-standing.ts";
import { type Paint, printable } from "./terminal.ts";

type StatusJson = ReturnType<typeof statusJson>;

/** So many nodes that are down are named; `telltale nodes` names all. */
const DOWN_SHOWN_MAX = 10;

export function addStatusCommand(context: CommandContext): void {
  context.program
    .command("status")
    .description("How everything stands, on one page; exits 1 when a node is down")
    .addHelpText(
      "after",
      `
Examples:
  $ telltale status
  $ telltale status > /dev/null || echo "a node is down, or nothing answers"`,
    )
    .action((_options, command) =>
      runCommand(context, command, async (run) => {
        const { aggregator } = run;
        const [{ nodes }, { alerts }, { groups }] = await Promise.all([
          aggregator.ask((client) => client.nodes, {}),
          aggregator.ask((client) => client.alerts, {}),
          aggregator.ask((client) => client.rules, {}),
        ]);
        const json = statusJson(aggregator.server, nodes, alerts, groups);
        run.print(json, () => statusText(json, nodes, run));
        if (json.nodes.down > 0) context.exitCode = 1;
      }),
    );
}

/** JSON form. Frames are counted since the aggregator started. */
function statusJson(
  server: string,
  nodes: readonly Node__Output[],
  alerts: readonly Alert__Output[],
  groups: readonly RuleGroup__Output[],
) {
  const states = nodes.map(nodeStateOf);
  const countState = (state: NodeState) => states.filter((one) => one === state).length;
  const countAlerts = (state: string) => alerts.filter((alert) => alert.state === state).length;
  const rules = groups.flatMap((group) => group.rules);
  const sum = (countIn: (node: Node__Output) => number) =>
    nodes.reduce((total, node) => total + countIn(node), 0);
  return {
    server,
    nodes: {
      up: countState("up"),
      down: countState("down"),
      left: countState("left"),
      awaited: countState("awaited"),
    },
    /** Names. */
    down: nodes.filter((_, i) => states[i] === "down").map(({ name }) => name),
    series: sum((node) => node.series),
    alerts: {
      firing: countAlerts("firing"),
      pending: countAlerts("pending"),
      noData: alerts.filter((alert) => alert.isNoData).length,
    },
    rules: {
      groups: groups.length,
      rules: rules.length,
      failing: rules.filter((rule) => rule.health === "err").length,
    },
    frames: {
      stored: sum((node) => node.framesStored),
      duplicate: sum((node) => node.framesDuplicate),
      rejected: sum((node) => node.framesRejected),
      missing: sum((node) => node.framesMissing),
    },
  };
}

function statusText(
  status: StatusJson,
  nodes: readonly Node__Output[],
  { terminal, paint }: Run,
): string {
  const { alerts, rules, frames } = status;
  const firing = paint(`${alerts.firing} firing`, alerts.firing > 0 ? "red" : null);
  const noData = alerts.noData === 0 ? "" : `, ${alerts.noData} of them without data`;
  const failing = rules.failing === 0 ? "" : paint(`, ${rules.failing} failing`, "red");
  const lines = [
    `Aggregator  ${status.server}`,
    `Nodes       ${nodesLine(status.nodes, paint)}`,
    `Series      ${status.series}`,
    `Alerts      ${firing}, ${alerts.pending} pending${noData}`,
    `Rules       ${rules.rules} in ${countOf(rules.groups, "group")}${failing}`,
    `Frames      ${frames.stored} stored, ${frames.duplicate} duplicate, ${frames.rejected} rejected, ${frames.missing} missing`,
  ];
  const down = nodes.filter((node) => nodeStateOf(node) === "down");
  if (down.length > 0) lines.push("");
  for (const { name, lastTickMs } of down.slice(0, DOWN_SHOWN_MAX)) {
    const heard = formatAgo(lastTickMs, terminal.nowMs());
    lines.push(paint(`${printable(name)} is down: last tick ${heard}`, "red"));
  }
  const more = down.length - DOWN_SHOWN_MAX;
  if (more > 0) lines.push(`and ${more} more: telltale nodes`);
  return `${lines.join("\n")}\n`;
}

function nodesLine(counts: StatusJson["nodes"], paint: Paint): string {
  const { up, down, left, awaited } = counts;
  const total = up + down + left + awaited;
  if (total === 0) return "none yet";
  const parts = [`${up} up`];
  if (down > 0) parts.push(paint(`${down} down`, "red"));
  if (awaited > 0) parts.push(paint(`${awaited} awaited`, "yellow"));
  if (left > 0) parts.push(`${left} left`);
  return parts.join(", ");
}
