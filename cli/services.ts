import { Option } from "commander";
import type { Service__Output } from "../shared/wire/generated/telltale/v1/Service.ts";
import { type CommandContext, type Run, runCommand } from "./command.ts";
import { countOf, formatAgo, formatBytes, formatNumber, formatSeconds, isoTime } from "./format.ts";
import { type Cell, type Column, formatTable } from "./table.ts";
import { printable } from "./terminal.ts";

const SORTS = ["worst", "rate", "errors", "latency", "cpu", "memory"] as const;
type Sort = (typeof SORTS)[number];

export function addServicesCommand(context: CommandContext): void {
  context.program
    .command("services")
    .description("What each service does: requests, errors, latency, and what it takes")
    .argument("[service]", "one of them, with its alerts and its last change")
    .addOption(new Option("--sort <order>", "what comes first").choices(SORTS).default("worst"))
    .option("--all", "units that serve no requests, too")
    .addHelpText(
      "after",
      `
Figures are of the last two minutes, from the source that is named last; "~" before a latency: only its
mean is known. CPU (in cores) and MEMORY are those of the service's containers or units, CHANGED is when
the newest of them started. TARGETS counts those that are up of those that are scraped.

Worst first is: an alert that fires, a target that is down, the share of errors, the latency.

Examples:
  $ telltale services
  $ telltale services payments
  $ telltale services --sort latency
  $ telltale services --output json | jq -r '.[] | select(.errorRatio > 0.01) | .name'`,
    )
    .action((name: string | undefined, { sort, all }: { sort: Sort; all?: true }, command) =>
      runCommand(context, command, async (run) => {
        const request = { name: name ?? "" };
        const answer = await run.aggregator.askServices((client) => client.list, request);
        const services = answer.services.toSorted(COMPARE[sort]);
        const shown = name !== undefined || all === true ? services : services.filter(isServing);
        const hidden = services.length - shown.length;
        run.print((name === undefined ? services : shown).map(serviceJson), () =>
          name === undefined ? listText(shown, hidden, run) : detailsText(shown, run),
        );
      }),
    );
}

/** JSON form: a list of these, in the order that was asked for. Null: nothing says it. */
function serviceJson(service: Service__Output) {
  return {
    name: service.name,
    /** Of requests, errors and latency; empty: none. */
    source: service.source,
    requestsPerSecond: service.requestsPerSecond ?? null,
    /** From 0 to 1. */
    errorRatio: service.errorRatio ?? null,
    latencyP50Seconds: service.latencyP50Seconds ?? null,
    latencyP95Seconds: service.latencyP95Seconds ?? null,
    latencyP99Seconds: service.latencyP99Seconds ?? null,
    latencyMeanSeconds: service.latencyMeanSeconds ?? null,
    cpuCores: service.cpuCores ?? null,
    memoryBytes: service.memoryBytes ?? null,
    containers: service.containers,
    units: service.units,
    targets: service.targets,
    targetsUp: service.targetsUp,
    /** Times are RFC 3339 in UTC. */
    lastChange: service.lastChange && {
      time: isoTime(service.lastChange.timeMs),
      image: service.lastChange.image,
      previousImage: service.lastChange.previousImage,
    },
    alerts: service.alerts.map(({ name, severity, summary, activeAtMs }) => {
      return { name, severity, summary, activeAt: isoTime(activeAtMs) };
    }),
  };
}

/** A unit that nobody asks or scrapes is a part of the machine. */
function isServing(service: Service__Output): boolean {
  const { requestsPerSecond, targets, containers, alerts } = service;
  return requestsPerSecond !== undefined || targets > 0 || containers > 0 || alerts.length > 0;
}

type Compare = (a: Service__Output, b: Service__Output) => number;

/** Descending; what is not known comes last. */
function by(...figures: readonly ((service: Service__Output) => number | undefined)[]): Compare {
  return (a, b) => {
    for (const figure of figures) {
      const order = (figure(b) ?? -1) - (figure(a) ?? -1);
      if (order !== 0) return order;
    }
    return 0;
  };
}

const errors = ({ errorRatio }: Service__Output) => errorRatio;
const latency = (service: Service__Output) =>
  service.latencyP95Seconds ?? service.latencyMeanSeconds;
const down = ({ targets, targetsUp }: Service__Output) => targets - targetsUp;

const COMPARE: Readonly<Record<Sort, Compare>> = {
  worst: by(({ alerts }) => alerts.length, down, errors, latency),
  rate: by(({ requestsPerSecond }) => requestsPerSecond),
  errors: by(errors),
  latency: by(latency),
  cpu: by(({ cpuCores }) => cpuCores),
  memory: by(({ memoryBytes }) => memoryBytes),
};

function listText(services: readonly Service__Output[], hidden: number, run: Run): string {
  const rest =
    hidden === 0
      ? ""
      : `${countOf(hidden, "unit")} more, without requests: telltale services --all`;
  if (services.length === 0) {
    const none = "No services yet: docs/applications.md says what becomes one.\n";
    return rest === "" ? none : `${none}${rest}\n`;
  }
  return `${tableText(services, run)}${rest === "" ? "" : `${run.paint(rest, "dim")}\n`}`;
}

function detailsText(services: readonly Service__Output[], run: Run): string {
  const nowMs = run.terminal.nowMs();
  const lines = services.flatMap(({ lastChange, alerts }) => [
    ...(lastChange !== null && lastChange.previousImage !== ""
      ? [`image    ${lastChange.previousImage} → ${lastChange.image}`]
      : []),
    ...alerts.map(({ name, summary, activeAtMs }) => {
      return `alert    ${name}, since ${formatAgo(activeAtMs, nowMs)}: ${summary}`;
    }),
  ]);
  const details = lines.map((line) => `${printable(line)}\n`).join("");
  return `${tableText(services, run)}${details === "" ? "" : `\n${details}`}`;
}

function tableText(services: readonly Service__Output[], { terminal, paint }: Run): string {
  const nowMs = terminal.nowMs();
  const columns: readonly Column<Service__Output>[] = [
    { title: "SERVICE", cell: ({ name }) => name },
    { title: "RATE", align: "right", cell: rateCell },
    { title: "ERRORS", align: "right", cell: errorsCell },
    { title: "P50", align: "right", cell: p50Cell },
    { title: "P95", align: "right", cell: ({ latencyP95Seconds: s }) => secondsText(s) },
    { title: "P99", align: "right", cell: ({ latencyP99Seconds: s }) => secondsText(s) },
    { title: "CPU", align: "right", cell: ({ cpuCores }) => cpuCores?.toFixed(2) ?? "" },
    { title: "MEMORY", align: "right", cell: memoryText },
    { title: "TARGETS", align: "right", cell: targetsCell },
    { title: "CHANGED", cell: (service) => changeText(service, nowMs) },
    { title: "ALERTS", cell: alertsCell },
    { title: "FROM", cell: ({ source }) => source },
  ];
  return formatTable(columns, services, paint);
}

function rateCell({ requestsPerSecond }: Service__Output): Cell {
  return requestsPerSecond === undefined ? "" : `${formatNumber(rounded(requestsPerSecond))}/s`;
}

/** Three significant digits say enough of what is measured over two minutes. */
function rounded(value: number): number {
  return value >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

const ERRORS_WARNING = 0.001;
const ERRORS_CRITICAL = 0.01;

function errorsCell({ errorRatio }: Service__Output): Cell {
  if (errorRatio === undefined) return "";
  const text = `${rounded(errorRatio * 100)}%`;
  if (errorRatio >= ERRORS_CRITICAL) return { text, color: "red" };
  return { text, color: errorRatio >= ERRORS_WARNING ? "yellow" : null };
}

function p50Cell({ latencyP50Seconds, latencyMeanSeconds }: Service__Output): Cell {
  if (latencyP50Seconds !== undefined || latencyMeanSeconds === undefined) {
    return secondsText(latencyP50Seconds);
  }
  return `~${formatSeconds(latencyMeanSeconds)}`;
}

function secondsText(seconds: number | undefined): string {
  return seconds === undefined ? "" : formatSeconds(seconds);
}

function memoryText({ memoryBytes }: Service__Output): string {
  return memoryBytes === undefined ? "" : formatBytes(memoryBytes);
}

function targetsCell({ targets, targetsUp }: Service__Output): Cell {
  if (targets === 0) return "";
  return { text: `${targetsUp}/${targets}`, color: targetsUp < targets ? "red" : null };
}

function changeText({ lastChange }: Service__Output, nowMs: number): string {
  if (lastChange === null) return "";
  const ago = formatAgo(lastChange.timeMs, nowMs);
  return lastChange.previousImage === "" ? ago : `${ago} (image)`;
}

function alertsCell({ alerts }: Service__Output): Cell {
  return { text: alerts.map(({ name }) => name).join(", "), color: "red" };
}
