import { readFileSync } from "node:fs";
import { join } from "node:path";
import { compareText } from "../../shared/model/labels.ts";
import { NODE_EXPORTER_LEFT_OUT, reasonOf } from "./left-out.ts";
import type { ListedMetric, MetricList } from "./metric-list.ts";
import { sourceOf, unitOf } from "./metric-sources.ts";

const HEADING = `# Metrics

Made by \`npm run docs:metrics\` from the collectors themselves; do not edit. \`job\` and \`instance\`, which every series has,
are not listed. *Labels* and *seen* are those of runs on the machine that made this page and on the fixtures; what has no
mark under *seen* needs hardware, a kernel or a service that none of those had. Names that the kernel chooses
(\`node_memory_*\`, \`node_vmstat_*\`, …) are those of these kernels. *Also in*: node_exporter 1.5, cAdvisor. Series of a
container have all of \`id\`, \`name\`, \`image\`, \`service\` and the container's labels that the configuration names (\`container_labels\`).
\`node_systemd_*\` comes from systemd over D-Bus; the collector is off by default, as in node_exporter.
`;

/** The names of a list of test/fixtures; lines with # are comments. */
function readNames(root: string, file: string): Set<string> {
  const text = readFileSync(join(root, "test/fixtures", file), "utf8");
  return new Set(text.split("\n").filter((line) => line !== "" && !line.startsWith("#")));
}

export type Peers = {
  readonly nodeExporter: ReadonlySet<string>;
  readonly cadvisor: ReadonlySet<string>;
};

export function readPeers(root: string): Peers {
  return {
    nodeExporter: readNames(root, "node-exporter-names.txt"),
    cadvisor: readNames(root, "cadvisor-names.txt"),
  };
}

const SECTIONS: readonly (readonly [title: string, pattern: RegExp])[] = [
  ["Host", /^node_/],
  ["Containers, units and slices", /^(container_|machine_|telltale_container)/],
  ["Processes and the node", /^telltale_(?!agent_)/],
  ["The agent itself", /^/],
];

export function renderMetrics(list: MetricList, peers: Peers): string {
  const rest = new Map(list);
  const parts = [HEADING];
  for (const [title, pattern] of SECTIONS) {
    const rows = [...rest.values()].filter(({ name }) => pattern.test(name));
    if (rows.length === 0) continue;
    rows.sort((a, b) => compareText(a.name, b.name));
    for (const { name } of rows) rest.delete(name);
    parts.push(
      `## ${title}\n`,
      "| metric | type | labels | unit | source | also in | seen | |",
      "|---|---|---|---|---|---|---|---|",
      ...rows.map((metric) => rowOf(metric, peers)),
      "",
    );
  }
  parts.push(...leftOut(list, peers));
  return parts.join("\n");
}

/** What the peers have and we do not, in tables of their own: not of the form of a metric's row. */
function leftOut(list: MetricList, { cadvisor }: Peers): string[] {
  const namesByReason = new Map<string, string[]>();
  for (const name of [...cadvisor].filter((one) => !list.has(one)).sort(compareText)) {
    const reason = reasonOf(name);
    namesByReason.set(reason, [...(namesByReason.get(reason) ?? []), `\`${name}\``]);
  }
  const head = ["| names | why not |", "|---|---|"];
  return [
    "## Names of node_exporter's defaults that are left out\n",
    ...head,
    ...Object.entries(NODE_EXPORTER_LEFT_OUT).map(([name, why]) => `| \`${name}\` | ${why} |`),
    "\n## Names of cAdvisor that are left out\n",
    '`container_cpu_usage_seconds_total` has `cpu="total"` alone: cgroup v2 does not count it by CPU.\n',
    ...head,
    ...[...namesByReason].map(([reason, names]) => `| ${names.join(", ")} | ${reason} |`),
    "",
  ];
}

function rowOf({ name, type, help, labels, isSeen }: ListedMetric, peers: Peers): string {
  const also: string[] = [];
  if (peers.nodeExporter.has(name)) also.push("node_exporter");
  if (peers.cadvisor.has(name)) also.push("cAdvisor");
  const cells = [
    `\`${name}\``,
    type,
    [...labels].sort(compareText).join(", "),
    unitOf(name),
    sourceOf(name),
    also.join(", "),
    isSeen ? "yes" : "",
    help.replaceAll("|", "\\|"),
  ];
  return `| ${cells.join(" | ")} |`;
}

/** The metrics of a document, with their labels. */
export function documentedMetrics(text: string): Map<string, string[]> {
  const metrics = new Map<string, string[]>();
  for (const line of text.split("\n")) {
    const [, name, labels = ""] = /^\| `([^`]+)` \| [a-z]+ \| ([^|]*) \|/.exec(line) ?? [];
    if (name !== undefined)
      metrics.set(name, labels.trim() === "" ? [] : labels.trim().split(", "));
  }
  return metrics;
}
