import { errorMessage, OperationalError } from "../../shared/errors.ts";
import type { Clock, Logger } from "../../shared/platform/ports.ts";
import { backoffMs } from "../../shared/time/backoff.ts";
import { repeat } from "../../shared/time/repeat.ts";
import { isObject, parseJson } from "../containers/hostile-json.ts";
import {
  type Collector,
  familiesOf,
  gauge,
  JOB_AGENT,
  SeriesRow,
  type SeriesSink,
} from "./collector.ts";

const NODE = [gauge("telltale_node_info", "CPUs and virtualisation of the node.")];
const DISK = [gauge("telltale_node_disk_info", "A disk of the node; its size is in bytes.")];

const FACT_CHARACTERS_MAX = 128;
const DISKS_MAX = 256;

const NODE_FACTS = "arch cpu_vendor cpu_model cpu_cores cpu_physical_cores virtualization".split(
  " ",
);
const DISK_FACTS = "device model serial type size".split(" ");

const HOUR_MS = 3_600_000;
const RETRIES = { firstMs: 60_000, maxMs: HOUR_MS };

export type InventoryParts = {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Gives the facts as JSON; ends its work when the signal is aborted. */
  ask(signal: AbortSignal): Promise<string>;
};

/** What this machine is, asked for now and then once an hour; ended by `close`. */
export function hourlyInventory(sink: SeriesSink, parts: InventoryParts): Collector {
  const inventory = new Inventory(sink, (signal) => parts.ask(signal));
  const refreshing = {
    run: () => inventory.refresh(),
    pauseMs: (failures: number) => (failures === 0 ? HOUR_MS : backoffMs(RETRIES, failures, 1)),
    failure: "the inventory is not known",
  };
  void repeat(refreshing, parts, inventory.stop.signal);
  return inventory;
}

type Facts = {
  readonly node: Readonly<Record<string, string>>;
  readonly disks: readonly Readonly<Record<string, string>>[];
};

/**
 * What a node is, rather than how it does. Asked for by `refresh`, at start and once an hour, because
 * that takes long and starts processes; a tick sets what is known. Only for the agent's own machine:
 * from a container these questions have the container's answers.
 */
export class Inventory implements Collector {
  readonly name = "inventory";
  readonly families = familiesOf([...NODE, ...DISK]);
  readonly stop = new AbortController();
  readonly #sink: SeriesSink;
  readonly #ask: InventoryParts["ask"];
  #rows: SeriesRow[] = [];
  #known = "";

  constructor(sink: SeriesSink, ask: InventoryParts["ask"]) {
    this.#sink = sink;
    this.#ask = ask;
  }

  /**
   * What was known stays when this fails.
   * @throws OperationalError UNAVAILABLE when there is no answer, PARSE when it is not what it should be
   */
  async refresh(): Promise<void> {
    const text = await this.#answer();
    if (text === this.#known) return;
    const { node, disks } = decodeFacts(text);
    this.#known = text;
    for (const row of this.#rows) row.retire();
    this.#rows = [
      new SeriesRow(this.#sink, NODE, { ...node, job: JOB_AGENT }),
      ...disks.map((disk) => new SeriesRow(this.#sink, DISK, { ...disk, job: JOB_AGENT })),
    ];
  }

  collect(): void {
    for (const row of this.#rows) row.set(0, 1);
  }

  close(): void {
    this.stop.abort();
    this.#rows = [];
  }

  async #answer(): Promise<string> {
    try {
      return await this.#ask(this.stop.signal);
    } catch (cause) {
      const message = `Inventory failed: ${errorMessage(cause)}`;
      throw new OperationalError("UNAVAILABLE", message, { cause });
    }
  }
}

/** Decoded by hand: a library for schemas would stay in the agent's memory for this alone. */
function decodeFacts(text: string): Facts {
  const facts = parseJson(text);
  const list = isObject(facts) ? facts["disks"] : null;
  if (!isObject(facts) || !Array.isArray(list) || list.length > DISKS_MAX) {
    throw invalid(`has no node or no list of at most ${DISKS_MAX} disks`);
  }
  const decoded = list.map((disk) => factsOf("disk", disk, DISK_FACTS));
  // The same labels twice would be the same series twice.
  const disks = new Map(decoded.map((disk) => [JSON.stringify(disk), disk]));
  return { node: factsOf("node", facts["node"], NODE_FACTS), disks: [...disks.values()] };
}

function factsOf(of: string, from: unknown, names: readonly string[]): Record<string, string> {
  if (!isObject(from)) throw invalid(`has a ${of} that is no object`);
  const unknown = Object.keys(from).find((name) => !names.includes(name));
  if (unknown !== undefined) throw invalid(`has an unknown fact of a ${of}`);
  return Object.fromEntries(names.map((name) => [name, factOf(of, name, from[name])]));
}

/** Firmware may say anything: printable, short, and nothing for what it leaves open. */
function factOf(of: string, name: string, value: unknown): string {
  if (typeof value !== "string") throw invalid(`has no text as ${name} of a ${of}`);
  const cleaned = value.replace(/\p{C}/gu, "").trim().slice(0, FACT_CHARACTERS_MAX);
  return cleaned === "-" ? "" : cleaned;
}

function invalid(why: string): OperationalError {
  return new OperationalError("PARSE", `The inventory ${why}`);
}
