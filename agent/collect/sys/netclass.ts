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
import { ABSENT } from "../kit/byte-scanner.ts";
import { ChangingRow } from "../kit/changing-row.ts";
import { isUnknown, listNames, numberIn, readSmallFile } from "../kit/small-file.ts";

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
];
const NO_HANDLER_FILE = "statistics/rx_nohandler";
const UNWANTED = counter("node_network_receive_nohandler_total", "Received packets nobody wanted.");
const SPECS = [UP, ...FILES.map(([, spec]) => spec), UNWANTED];
const NO_HANDLER = SPECS.length - 1;

const DIRECTORY = "/sys/class/net";
/** `bonding_masters` is a file among the devices. */
const DEVICE = /^(?!bonding_masters$)/;
const DEVICES_MAX = 4096;
/** A device is two dozen files; most change only with the link, or when somebody changes them. */
const REFRESH_ALL_MS = 60_000;
/** Hosts have hundreds of devices (a container has one): a few get their turn in each run. */
const DEVICES_PER_RUN = 8;
/** The files that tell of a change. */
const TELLTALES = ["flags", "carrier_changes"] as const;

type Device = {
  readonly name: string;
  readonly row: SeriesRow;
  readonly facts: ChangingRow;
  readonly values: Float64Array;
  allReadAtMs: number;
  /** What the telltale files said. */
  state: string;
};

/** What /sys/class/net tells of network devices; a few of them are asked in each run. */
export class NetclassCollector implements Collector {
  readonly name = "netclass";
  readonly families = familiesOf([...SPECS, FACTS]);
  readonly #context: CollectContext;
  readonly #directory: string;
  /** In the order in which they were last read. */
  readonly #devices = new Map<string, Device>();
  #isFirst = true;

  constructor(context: CollectContext) {
    this.#context = context;
    this.#directory = hostPath(context, DIRECTORY);
  }

  collect(nowMs: number): void {
    this.#list();
    // At the start all are read: what a query sees of a node should be whole.
    const turns = this.#isFirst ? this.#devices.size : DEVICES_PER_RUN;
    this.#isFirst = false;
    for (const device of [...this.#devices.values()].slice(0, turns)) this.#refresh(device, nowMs);
    for (const { row, facts, values } of this.#devices.values()) {
      row.setAll(values);
      facts.row?.set(0, 1);
    }
  }

  close(): void {
    this.#devices.clear();
  }

  #list(): void {
    const names = listNames(this.#directory, DEVICE);
    const { sink, faults } = this.#context;
    faults.add(this.name, "limit", Math.max(names.length - DEVICES_MAX, 0));
    const listed = new Set(names.slice(0, DEVICES_MAX));
    for (const device of this.#devices.values()) {
      if (!listed.has(device.name)) this.#drop(device);
    }
    for (const name of listed) {
      if (this.#devices.has(name)) continue;
      this.#devices.set(name, {
        name,
        row: new SeriesRow(sink, SPECS, { job: JOB_NODE, device: name }),
        facts: new ChangingRow(sink, [FACTS]),
        values: new Float64Array(SPECS.length).fill(ABSENT),
        allReadAtMs: Number.NEGATIVE_INFINITY,
        state: "",
      });
    }
  }

  /** The device is the last to get its next turn, or is gone. */
  #refresh(device: Device, nowMs: number): void {
    const text = (file: string) => readSmallFile(join(this.#directory, device.name, file));
    const operstate = text("operstate");
    if (operstate === null) {
      this.#drop(device);
      return;
    }
    this.#devices.delete(device.name);
    this.#devices.set(device.name, device);
    device.values[NO_HANDLER] = numberIn(text(NO_HANDLER_FILE));
    const state = [operstate, ...TELLTALES.map(text)].join(" ");
    const isDue = Math.abs(nowMs - device.allReadAtMs) >= REFRESH_ALL_MS;
    if (!isDue && state === device.state) return;
    device.allReadAtMs = nowMs;
    device.state = state;
    readAll(device, operstate, text);
  }

  #drop({ name, row, facts }: Device): void {
    row.retire();
    facts.label(null);
    this.#devices.delete(name);
  }
}

function readAll(device: Device, operstate: string, text: (file: string) => string | null): void {
  const { name, facts, values } = device;
  values[0] = operstate === "up" ? 1 : 0;
  for (const [index, [file, spec, factor]] of FILES.entries()) {
    const value = numberIn(text(file));
    const isKnown = value !== ABSENT && (spec.type === "counter" || !isUnknown(value));
    values[index + 1] = isKnown ? value * factor : ABSENT;
  }
  facts.label({
    job: JOB_NODE,
    device: name,
    address: text("address") ?? "",
    broadcast: text("broadcast") ?? "",
    duplex: text("duplex") ?? "",
    ifalias: text("ifalias") ?? "",
    operstate,
  });
}
