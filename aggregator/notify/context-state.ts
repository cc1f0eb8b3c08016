/**
 * What a message says of an alert besides its rule's own words: what is asked for it, and how the
 * answers read. Each becomes an annotation of a few short lines, without characters that could do
 * more than be read.
 */

import type { VectorSample } from "../../shared/model/columns.ts";
import {
  formatLabels,
  type Labels,
  labelPairs,
  labelsFrom,
  labelsOf,
  labelValue,
  METRIC_NAME,
} from "../../shared/model/labels.ts";
import { formatRfc3339 } from "../../shared/model/rfc3339.ts";
import type { NotifiedAlert } from "../model/notification.ts";

export const ANNOTATIONS = {
  processes: "telltale_top_processes",
  containers: "telltale_top_containers",
  logs: "telltale_logs",
  changes: "telltale_changes",
  sparkline: "telltale_sparkline",
  link: "telltale_link",
} as const;

export type ContextName = keyof typeof ANNOTATIONS;

/** What an alert is about; "": its labels do not say. */
export type About = {
  readonly node: string;
  readonly container: string;
  readonly unit: string;
  readonly service: string;
};

export const LINES_MAX = 5;
const LINE_LENGTH_MAX = 200;
const NAME_LENGTH_MAX = 60;
const LINK_LENGTH_MAX = 2000;
/** Of a text of which so much is looked at that what is shown of it is right. */
const LOOKED_AT_MAX = 2000;

export function aboutAlert(labels: Labels): About {
  const name = labelValue(labels, "name");
  const cgroup = labelValue(labels, "id").split("/").at(-1) ?? "";
  const unit = [labelValue(labels, "unit"), name, cgroup].find((one) => UNIT.test(one)) ?? "";
  return {
    node: labelValue(labels, "instance"),
    container: labelValue(labels, "container") || (unit === name ? "" : name),
    unit,
    service: labelValue(labels, "service"),
  };
}

const UNIT = /.\.(?:service|socket|timer|mount|path)$/;

function selector(labels: Readonly<Record<string, string>>, more = ""): string {
  const text = formatLabels(labelsOf(labels));
  return more === "" ? text : `${text.slice(0, -1)}, ${more}}`;
}

/** PromQL for what the commands of a node use, by `command` and `container`. */
export function processQueries({ node }: About) {
  const of = selector({ instance: node });
  const name = "telltale_process_group";
  return {
    cpu: `sum by (command, container) (irate(${name}_cpu_seconds_total${of}[5m]))`,
    memory: `sum by (command, container) (${name}_resident_memory_bytes${of})`,
  };
}

/** The same for its containers, by `name`. */
export function containerQueries({ node }: About) {
  const of = selector({ instance: node }, 'name!=""');
  return {
    cpu: `sum by (name) (rate(container_cpu_usage_seconds_total${of}[1m]))`,
    memory: `sum by (name) (container_memory_working_set_bytes${of})`,
  };
}

/** Those that use most, by CPU time and by memory in turn. */
export function topText(cpu: readonly VectorSample[], memory: readonly VectorSample[]): string {
  const byCpu = new Map(cpu.map(({ labels, value }) => [formatLabels(labels), value]));
  const byMemory = new Map(memory.map(({ labels, value }) => [formatLabels(labels), value]));
  const [most, biggest] = [ranked(cpu), ranked(memory)];
  const chosen = new Map<string, Labels>();
  for (let i = 0; i < LINES_MAX; i += 1) {
    for (const labels of [most[i], biggest[i]]) {
      if (labels !== undefined && chosen.size < LINES_MAX) chosen.set(formatLabels(labels), labels);
    }
  }
  return textOf(
    [...chosen].map(([key, labels]) => {
      const cores = `${(byCpu.get(key) ?? 0).toFixed(2)} cores`;
      return `${userName(labels)}: ${cores}, ${bytesText(byMemory.get(key) ?? 0)}`;
    }),
  );
}

function ranked(samples: readonly VectorSample[]): Labels[] {
  const used = samples.filter(({ value }) => value > 0);
  return used.sort((a, b) => b.value - a.value).map(({ labels }) => labels);
}

function userName(labels: Labels): string {
  const command = clean(labelValue(labels, "command"), NAME_LENGTH_MAX);
  const container = clean(labelValue(labels, "container"), NAME_LENGTH_MAX);
  if (command === "") return clean(labelValue(labels, "name"), NAME_LENGTH_MAX);
  return container === "" ? command : `${command} in ${container}`;
}

const BYTE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

function bytesText(bytes: number): string {
  let [rest, unit] = [bytes, 0];
  for (; rest >= 1024 && unit < BYTE_UNITS.length - 1; unit += 1) rest /= 1024;
  return `${rest.toFixed(rest < 10 && unit > 0 ? 1 : 0)} ${BYTE_UNITS[unit]}`;
}

const IS_ERROR = '=~"error|critical|fatal"';

/** LogQL for lines at error level: of what the alert is about, and of all else on the node. */
export function logQueries({ node, container, unit, service }: About): readonly string[] {
  const stage = ` | detected_level${IS_ERROR} or level${IS_ERROR}`;
  const ofNode: Record<string, string> = node === "" ? {} : { instance: node };
  const own = Object.entries({ container, unit, service }).find(([, value]) => value !== "");
  if (own === undefined) return node === "" ? [] : [selector(ofNode) + stage];
  const [name, value] = own;
  const queries = [selector({ ...ofNode, [name]: value }) + stage];
  if (node !== "") queries.push(selector(ofNode, `${name}!=${JSON.stringify(value)}`) + stage);
  return queries;
}

export type FoundLine = {
  readonly stream: Labels;
  readonly timeUs: number;
  readonly line: string;
};

/** Lines of one query after those of another, each the oldest first. */
export function linesText(found: readonly (readonly FoundLine[])[]): string {
  return textOf(
    found.flatMap((lines) => {
      return lines.toSorted((a, b) => a.timeUs - b.timeUs).map((one) => lineText(one));
    }),
  );
}

function lineText({ stream, timeUs, line }: FoundLine): string {
  const names = ["container", "unit", "identifier", "service", "filename", "job"];
  const source = names.map((name) => labelValue(stream, name)).find((value) => value !== "") ?? "";
  return `${clockTime(timeUs / 1000)} ${clean(source, NAME_LENGTH_MAX)}: ${line}`;
}

/** How far back changes are looked for. */
export const CHANGED_WITHIN_MS = 3_600_000;

/** PromQL for what may have changed; `started` and `info` are asked as of an hour ago too. */
export function changeQueries({ node }: About) {
  const of = selector({ instance: node });
  const named = selector({ instance: node }, 'name!=""');
  const ticks = `telltale_agent_ticks_total${of}[1h]`;
  return {
    started: `container_start_time_seconds${named}`,
    info: `telltale_container_info${named}`,
    units: `node_systemd_unit_start_time_seconds${of}`,
    boot: `node_boot_time_seconds${of}`,
    agent: `ts_of_min_over_time(${ticks}) and resets(${ticks}) > 0`,
  };
}

/** Answers to `changeQueries`. */
export type Seen = Readonly<Record<"started" | "info", readonly VectorSample[]>>;
export type SeenNow = Seen & Readonly<Record<"units" | "boot" | "agent", readonly VectorSample[]>>;

/** `rank`: the lowest is shown first. */
type Change = { readonly timeMs: number; readonly text: string; readonly rank: number };

/** What changed: first what the alert is about, then the node, then the newest. */
export function changesText(before: Seen, now: SeenNow, about: About, nowMs: number): string {
  const plain = (samples: readonly VectorSample[], rank: number, text: string): Change[] =>
    samples.map(({ value }) => ({ timeMs: value * 1000, text, rank }));
  const all = [
    ...plain(now.boot, 1, "node booted"),
    ...plain(now.agent, 2, "agent restarted"),
    ...containerChanges(before, now, about),
    ...unitChanges(now.units, about),
  ];
  const recent = all.filter(({ timeMs }) => {
    return timeMs > nowMs - CHANGED_WITHIN_MS && timeMs <= nowMs + CHANGED_WITHIN_MS;
  });
  recent.sort((a, b) => a.rank - b.rank || b.timeMs - a.timeMs);
  return textOf(recent.map(({ timeMs, text }) => `${clockTime(timeMs)} ${text}`));
}

function unitChanges(units: readonly VectorSample[], about: About): Change[] {
  return units.map(({ labels, value }) => {
    const unit = labelValue(labels, "name");
    const rank = unit === about.unit ? 0 : 3;
    return { timeMs: value * 1000, text: `${clean(unit, NAME_LENGTH_MAX)} started`, rank };
  });
}

function containerChanges(before: Seen, now: Seen, about: About): Change[] {
  const [earlier, later] = [containersOf(before), containersOf(now)];
  return [...later].map(([name, { startedS, image, digest }]) => {
    const was = earlier.get(name);
    const shown = clean(name, NAME_LENGTH_MAX);
    const rank = name === about.container ? 0 : 3;
    const timeMs = startedS * 1000;
    if (was === undefined) return { timeMs, text: `container ${shown} started`, rank };
    const isOther = was.digest !== digest && was.digest !== "" && digest !== "";
    const isNew = was.image !== image || isOther;
    if (!isNew) return { timeMs, text: `container ${shown} restarted`, rank };
    const [from, to] = [was.image, image].map((one) => clean(one, NAME_LENGTH_MAX));
    const images = from === to ? `another ${to}` : `${to}, before ${from}`;
    return { timeMs, text: `container ${shown} started with a new image: ${images}`, rank };
  });
}

type Container = { readonly startedS: number; readonly image: string; readonly digest: string };

/** The newest of each name. */
function containersOf({ started, info }: Seen): Map<string, Container> {
  const digests = new Map(
    info.map(({ labels }) => [labelValue(labels, "name"), labelValue(labels, "image_digest")]),
  );
  const found = new Map<string, Container>();
  for (const { labels, value } of started) {
    const name = labelValue(labels, "name");
    if ((found.get(name)?.startedS ?? 0) > value) continue;
    const digest = digests.get(name) ?? "";
    found.set(name, { startedS: value, image: labelValue(labels, "image"), digest });
  }
  return found;
}

const BARS = [..."▁▂▃▄▅▆▇█"];
const NO_VALUE = "·";

/** A bar a step, from the least to the most, and what these are; null: there is no value. */
export function sparklineText(values: readonly (number | null)[], spanText: string): string {
  const known = values.filter((one) => one !== null && Number.isFinite(one)) as number[];
  if (known.length === 0) return "";
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const bars = values.map((value) => {
    if (value === null || !Number.isFinite(value)) return NO_VALUE;
    // Of huge values the difference may be infinite.
    const share = most === least ? 0 : (value / 2 - least / 2) / (most / 2 - least / 2);
    return BARS[Math.round(share * (BARS.length - 1))] ?? NO_VALUE;
  });
  const numbers =
    most === least ? shortNumber(least) : `${shortNumber(least)} to ${shortNumber(most)}`;
  return `${bars.join("")} ${numbers}, last ${shortNumber(known.at(-1) ?? 0)}, in ${spanText}`;
}

function shortNumber(value: number): string {
  return String(Number(value.toPrecision(4)));
}

/** The element of an expression that an alert was made of; its labels are all among the alert's. */
export function ownElement<T extends { readonly labels: Labels }>(
  elements: readonly T[],
  labels: Labels,
): T | null {
  const own = elements.filter((one) => {
    return labelPairs(one.labels).every(([name, value]) => {
      return name === METRIC_NAME || labelValue(labels, name) === value;
    });
  });
  own.sort((a, b) => b.labels.length - a.labels.length);
  return own[0] ?? null;
}

/** Where the alert is shown; "" where nobody knows how this aggregator is reached. */
export function linkTo(labels: Labels, externalUrl: string): string {
  if (externalUrl === "") return "";
  const filter = labelPairs(labels).map(([name, value]) => {
    const isPlain = /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name);
    return `${isPlain ? name : JSON.stringify(name)}=${JSON.stringify(value)}`;
  });
  const text = encodeURIComponent(`{${filter.join(",")}}`);
  const link = `${externalUrl}/#/alerts?filter=${text}`;
  return link.length <= LINK_LENGTH_MAX ? link : "";
}

/** The alert with these texts; one that is empty is left out. */
export function withContext(
  alert: NotifiedAlert,
  texts: Iterable<readonly [ContextName, string]>,
): NotifiedAlert {
  const added = [...texts].filter(([, text]) => text !== "");
  if (added.length === 0) return alert;
  const pairs = added.map(([name, text]) => [ANNOTATIONS[name], text] as const);
  return { ...alert, annotations: labelsFrom([...labelPairs(alert.annotations), ...pairs]) };
}

function clockTime(timeMs: number): string {
  return `${formatRfc3339(Math.floor(timeMs)).slice(11, 19)}Z`;
}

function textOf(lines: readonly string[]): string {
  const shown = lines.slice(0, LINES_MAX).map((line) => clean(line, LINE_LENGTH_MAX));
  return shown.filter((line) => line !== "").join("\n");
}

/** Control sequences of terminals, whole or cut off. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const SEQUENCES = /\u001b(?:\[[0-?]*[ -/]*[@-~]?|\][^\u0007\u001b]*|[@-Z\\^_])/g;
/** Control characters, ends of lines, what turns the direction of writing, and half characters. */
const UNREADABLE =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Surrogate}\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]+/gu;

/** On one line, readable and short. */
export function clean(text: string, lengthMax: number): string {
  const plain = text.slice(0, LOOKED_AT_MAX).replace(SEQUENCES, "").replace(UNREADABLE, " ").trim();
  const characters = [...plain];
  if (characters.length <= lengthMax && text.length <= LOOKED_AT_MAX) return plain;
  return `${characters
    .slice(0, lengthMax - 1)
    .join("")
    .trimEnd()}…`;
}
