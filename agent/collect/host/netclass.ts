import { join } from "node:path";
import {
  type Collector,
  counter,
  familiesOf,
  gauge,
  JOB_NODE,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT } from "../parse/byte-scanner.ts";
import { LabelledFact } from "./labelled-fact.ts";
import { listNames, numberIn, readSmallFile } from "./small-file.ts";

const UP = gauge("node_network_up", "Whether the device is up.");
const FACTS = gauge("node_network_info", "Addresses and state of the device.");

/** Speeds are in megabits a second. */
const MEGABIT_BYTES = 125_000;

const FILES: readonly (readonly [file: string, spec: SeriesSpec, factor: number])[] = [
  ["addr_assign_type", gauge("node_network_address_assign_type", "Origin of the address."), 1],
  ["carrier", gauge("node_network_carrier", "Whether there is a link."), 1],
  ["carrier_changes", counter("node_network_carrier_changes_total", "Changes of the link."), 1],
  ["carrier_up_count", counter("node_network_carrier_up_changes_total", "Links won."), 1],
  ["carrier_down_count", counter("node_network_carrier_down_changes_total", "Links lost."), 1],
  ["dev_id", gauge("node_network_device_id", "Tells devices that share an address."), 1],
  ["dormant", gauge("node_network_dormant", "Whether the device waits for something."), 1],
  ["flags", gauge("node_network_flags", "The device's flags, as a number."), 1],
  ["ifindex", gauge("node_network_iface_id", "The device's number."), 1],
  ["iflink", gauge("node_network_iface_link", "Number of the device below it, or its own."), 1],
  ["link_mode", gauge("node_network_iface_link_mode", "Policy for the link."), 1],
  ["mtu", gauge("node_network_mtu_bytes", "Largest packet."), 1],
  ["name_assign_type", gauge("node_network_name_assign_type", "Origin of the name."), 1],
  ["netdev_group", gauge("node_network_net_dev_group", "Group of devices."), 1],
  ["speed", gauge("node_network_speed_bytes", "Speed, in bytes a second."), MEGABIT_BYTES],
  ["tx_queue_len", gauge("node_network_transmit_queue_length", "Packets that may wait."), 1],
  ["type", gauge("node_network_protocol_type", "Kind of hardware, as a number."), 1],
  [
    "statistics/rx_nohandler",
    counter("node_network_receive_nohandler_total", "Packets received that nobody wanted."),
    1,
  ],
];
const SPECS = [UP, ...FILES.map(([, spec]) => spec)];

const DIRECTORY = "/sys/class/net";
const DEVICES_MAX = 4096;
/** How old what is known of a device may be, if there are not too many. */
const REFRESH_MS = 5000;
/** A device is twenty files: with hundreds of them (a container has one), a few get their turn. */
const DEVICES_PER_TICK = 8;

type Device = {
  readonly name: string;
  readonly row: SeriesRow;
  readonly facts: LabelledFact;
  readonly values: Float64Array;
  readAtMs: number;
};

/** What /sys/class/net tells of network devices; a few of them are asked in each tick. */
export class NetclassCollector implements Collector {
  readonly name = "netclass";
  readonly families = familiesOf([...SPECS, FACTS]);
  readonly #context: CollectContext;
  readonly #directory: string;
  /** In the order in which they were last read. */
  readonly #devices = new Map<string, Device>();
  #listedAtMs = Number.NEGATIVE_INFINITY;

  constructor(context: CollectContext) {
    this.#context = context;
    this.#directory = hostPath(context, DIRECTORY);
  }

  collect(nowMs: number): void {
    if (Math.abs(nowMs - this.#listedAtMs) >= REFRESH_MS) this.#list(nowMs);
    this.#refresh(nowMs);
    for (const { row, facts, values } of this.#devices.values()) {
      row.setAll(values);
      facts.set();
    }
  }

  close(): void {
    this.#devices.clear();
  }

  #list(nowMs: number): void {
    this.#listedAtMs = nowMs;
    const names = listNames(this.#directory, DEVICES_MAX);
    // `bonding_masters` is a file among the devices.
    const listed = new Set(names.filter((name) => name !== "bonding_masters"));
    for (const device of this.#devices.values()) {
      if (!listed.has(device.name)) this.#drop(device);
    }
    for (const name of listed) {
      if (this.#devices.has(name)) continue;
      const { sink } = this.#context;
      const row = new SeriesRow(sink, SPECS, { job: JOB_NODE, device: name });
      const facts = new LabelledFact(sink, FACTS);
      const values = new Float64Array(SPECS.length).fill(ABSENT);
      const readAtMs = Number.NEGATIVE_INFINITY;
      this.#devices.set(name, { name, row, facts, values, readAtMs });
    }
  }

  #refresh(nowMs: number): void {
    let turns = DEVICES_PER_TICK;
    const isFirst = [...this.#devices.values()].every(({ readAtMs }) => readAtMs < 0);
    // At the start all are read: what a query sees of a node should be whole.
    if (isFirst) turns = this.#devices.size;
    for (const device of this.#devices.values()) {
      if (turns === 0 || Math.abs(nowMs - device.readAtMs) < REFRESH_MS) return;
      turns -= 1;
      device.readAtMs = nowMs;
      if (!this.#read(device)) {
        this.#drop(device);
        continue;
      }
      this.#devices.delete(device.name);
      this.#devices.set(device.name, device);
    }
  }

  /** False when the device is gone. */
  #read({ name, values, facts }: Device): boolean {
    const text = (file: string) => readSmallFile(join(this.#directory, name, file));
    const operstate = text("operstate");
    if (operstate === null) return false;
    values[0] = operstate === "up" ? 1 : 0;
    for (const [index, [file, , factor]] of FILES.entries()) {
      const value = numberIn(text(file));
      values[index + 1] = value === ABSENT ? ABSENT : value * factor;
    }
    facts.tell({
      device: name,
      address: text("address") ?? "",
      broadcast: text("broadcast") ?? "",
      duplex: text("duplex") ?? "",
      ifalias: text("ifalias") ?? "",
      operstate,
    });
    return true;
  }

  #drop(device: Device): void {
    device.row.retire();
    device.facts.retire();
    this.#devices.delete(device.name);
  }
}
