import { readFile } from "node:fs/promises";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import {
  type Collector,
  familiesOf,
  gauge,
  JOB_AGENT,
  JOB_NODE,
  SeriesRow,
  type SeriesSink,
} from "./collector.ts";

const SPECS = [
  gauge("node_os_info", "The operating system."),
  gauge("node_dmi_info", "The machine, as its firmware names it."),
  gauge("telltale_node_info", "CPUs and virtualisation of the node."),
];

type Labels = Record<string, string>;

/** Label sets in the order of the specs. */
type Facts = readonly [os: Labels, dmi: Labels, node: Labels];

/** What is asked for the facts; the real one starts processes. */
export type ReadFacts = () => Promise<Facts>;

/**
 * What a node is, rather than how it does: asked for by `refresh` at start and once an hour, because
 * that takes long and starts processes; a tick sets what is known. Only for the agent's own machine:
 * from a container these questions have the container's answers.
 */
export class Inventory implements Collector {
  readonly name = "inventory";
  readonly families = familiesOf(SPECS);
  readonly #sink: SeriesSink;
  readonly #readFacts: ReadFacts;
  #rows: SeriesRow[] = [];
  #known = "";

  constructor(sink: SeriesSink, readFacts: ReadFacts = readSystem) {
    this.#sink = sink;
    this.#readFacts = readFacts;
  }

  /** @throws OperationalError UNAVAILABLE when the system cannot be asked; what was known stays */
  async refresh(): Promise<void> {
    let facts: Facts;
    try {
      facts = await this.#readFacts();
    } catch (cause) {
      const message = `Inventory failed: ${errorMessage(cause)}`;
      throw new OperationalError("UNAVAILABLE", message, { cause });
    }
    const known = JSON.stringify(facts);
    if (known === this.#known) return;
    this.#known = known;
    for (const row of this.#rows) row.retire();
    this.#rows = facts.map((labels, index) => {
      const spec = SPECS[index];
      const job = index === 2 ? JOB_AGENT : JOB_NODE;
      return new SeriesRow(this.#sink, spec === undefined ? [] : [spec], { ...labels, job });
    });
  }

  collect(): void {
    for (const row of this.#rows) row.set(0, 1);
  }

  close(): void {
    this.#rows = [];
  }
}

async function readSystem(): Promise<Facts> {
  // Loaded when first needed: it is large, and an agent in a container never needs it.
  const { default: system } = await import("systeminformation");
  const [release, cpu, machine, firmware, board, os] = await Promise.all([
    readFile("/etc/os-release", "utf8").catch(() => ""),
    system.cpu(),
    system.system(),
    system.bios(),
    system.baseboard(),
    system.osInfo(),
  ]);
  return [
    osLabels(release),
    clean({
      bios_date: firmware.releaseDate,
      bios_vendor: firmware.vendor,
      bios_version: firmware.version,
      board_name: board.model,
      board_vendor: board.manufacturer,
      board_version: board.version,
      product_name: machine.model,
      product_version: machine.version,
      system_vendor: machine.manufacturer,
    }),
    clean({
      arch: os.arch,
      cpu_vendor: cpu.manufacturer,
      cpu_model: cpu.brand,
      cpu_cores: String(cpu.cores),
      cpu_physical_cores: String(cpu.physicalCores),
      virtualization: machine.virtual ? machine.virtualHost || "unknown" : "none",
    }),
  ];
}

const OS_LABELS = new Set(
  (
    "build_id id id_like image_id image_version name pretty_name variant variant_id version " +
    "version_codename version_id"
  ).split(" "),
);

/** The labels that node_exporter takes of /etc/os-release. Source: os-release(5). */
export function osLabels(text: string): Labels {
  const labels: Labels = {};
  for (const line of text.split("\n")) {
    const [, key = "", value = ""] = /^([A-Z_]+)=["']?(.*?)["']?$/.exec(line.trim()) ?? [];
    const name = key.toLowerCase();
    if (OS_LABELS.has(name)) labels[name] = value.replace(/\\(.)/g, "$1");
  }
  return clean(labels);
}

const FACT_CHARACTERS_MAX = 128;

/** Firmware may say anything: printable, short, and nothing for what it leaves open. */
function clean(labels: Readonly<Record<string, string | null | undefined>>): Labels {
  const cleaned: Labels = {};
  for (const [name, value] of Object.entries(labels)) {
    const text = (value ?? "").replace(/\p{C}/gu, "").trim().slice(0, FACT_CHARACTERS_MAX);
    if (text !== "" && text !== "-") cleaned[name] = text;
  }
  return cleaned;
}
