import { z } from "zod";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
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

/** Firmware may say anything: printable, short, and nothing for what it leaves open. */
const fact = z
  .string()
  .max(4096)
  .transform((text) => {
    const cleaned = text.replace(/\p{C}/gu, "").trim().slice(0, FACT_CHARACTERS_MAX);
    return cleaned === "-" ? "" : cleaned;
  });

const factsSchema = z.strictObject({
  node: z.strictObject({
    arch: fact,
    cpu_vendor: fact,
    cpu_model: fact,
    cpu_cores: fact,
    cpu_physical_cores: fact,
    virtualization: fact,
  }),
  disks: z
    .array(z.strictObject({ device: fact, model: fact, serial: fact, type: fact, size: fact }))
    .max(DISKS_MAX),
});

/**
 * What a node is, rather than how it does. Asked for by `refresh`, at start and once an hour, because
 * that takes long and starts processes; a tick sets what is known. Only for the agent's own machine:
 * from a container these questions have the container's answers.
 */
export class Inventory implements Collector {
  readonly name = "inventory";
  readonly families = familiesOf([...NODE, ...DISK]);
  readonly #sink: SeriesSink;
  readonly #ask: () => Promise<string>;
  #rows: SeriesRow[] = [];
  #known = "";

  /** @param ask gives the facts as JSON */
  constructor(sink: SeriesSink, ask: () => Promise<string>) {
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
    this.#rows = [];
  }

  async #answer(): Promise<string> {
    try {
      return await this.#ask();
    } catch (cause) {
      const message = `Inventory failed: ${errorMessage(cause)}`;
      throw new OperationalError("UNAVAILABLE", message, { cause });
    }
  }
}

function decodeFacts(text: string): z.infer<typeof factsSchema> {
  let facts: unknown;
  try {
    facts = JSON.parse(text);
  } catch (cause) {
    throw new OperationalError("PARSE", "The inventory is not JSON", { cause });
  }
  const decoded = factsSchema.safeParse(facts);
  if (decoded.success) return distinctDisks(decoded.data);
  const message = `The inventory is not as it should be: ${z.prettifyError(decoded.error)}`;
  throw new OperationalError("PARSE", message);
}

/** The same labels twice would be the same series twice. */
function distinctDisks(facts: z.infer<typeof factsSchema>): z.infer<typeof factsSchema> {
  const byDevice = new Map(facts.disks.map((disk) => [disk.device, disk]));
  return { ...facts, disks: [...byDevice.values()] };
}
