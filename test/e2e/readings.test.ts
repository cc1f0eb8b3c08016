import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { Bed, eventually } from "../support/programs.ts";

/** A file, the counters in it, and how often the agent reads it. */
type Source = {
  readonly file: string;
  readonly everyS: number;
  readonly counters: Readonly<Record<string, (text: string) => number>>;
};

const afterWord = (word: string) => (text: string) =>
  Number(new RegExp(`^\\s*${word}:?\\s+(\\d+)`, "m").exec(text)?.[1]);

/** Of a file with a line of names and a line of values for each protocol. */
const ofProtocol = (protocol: string, name: string) => (text: string) => {
  const rows = text.split("\n").filter((line) => line.startsWith(`${protocol}: `));
  const [names = [], values = []] = rows.map((row) => row.split(" "));
  return Number(values[names.indexOf(name)]);
};

const SOURCES: readonly Source[] = [
  {
    file: "/proc/stat",
    everyS: 1,
    counters: {
      node_context_switches_total: afterWord("ctxt"),
      node_intr_total: afterWord("intr"),
    },
  },
  { file: "/proc/vmstat", everyS: 1, counters: { node_vmstat_pgfault: afterWord("pgfault") } },
  {
    file: "/proc/net/dev",
    everyS: 1,
    counters: { 'node_network_receive_bytes_total{device="lo"}': afterWord("lo") },
  },
  {
    file: "/proc/net/snmp",
    everyS: 5,
    counters: {
      node_netstat_Tcp_OutSegs: ofProtocol("Tcp", "OutSegs"),
      node_netstat_Tcp_InSegs: ofProtocol("Tcp", "InSegs"),
    },
  },
  {
    file: "/proc/net/netstat",
    everyS: 5,
    counters: { node_netstat_IpExt_OutOctets: ofProtocol("IpExt", "OutOctets") },
  },
  {
    file: "/proc/net/softnet_stat",
    everyS: 5,
    counters: {
      'node_softnet_processed_total{cpu="0"}': (text) => Number.parseInt(text.slice(0, 8), 16),
    },
  },
];

const LOOKED_S = 28;
const LOOK_EVERY_MS = 20;
/** A tick bears its full second while it begins within 50 ms of it; then it reads for some more. */
const READ_WITHIN_MS = 500;

type Look = {
  readonly fromMs: number;
  readonly toMs: number;
  readonly values: Map<string, number>;
};

function look(): Look {
  const fromMs = Date.now();
  const values = new Map<string, number>();
  for (const { file, counters } of SOURCES) {
    const text = readFileSync(file, "latin1");
    for (const [name, valueIn] of Object.entries(counters)) values.set(name, valueIn(text));
  }
  return { fromMs, toMs: Date.now(), values };
}

test("every sample of a counter is a reading of its file, at the time that it bears", async () => {
  await using bed = await Bed.open();
  await bed.startReadyAggregator();
  bed.start("agent");
  await eventually(async () => (await bed.query("node_netstat_Tcp_OutSegs")).length === 1);
  const looks: Look[] = [];
  const endMs = Date.now() + LOOKED_S * 1000;
  while (Date.now() < endMs) {
    looks.push(look());
    await Promise.all([bed.metrics(), delay(LOOK_EVERY_MS)]); // so that something happens
  }
  for (const { counters, everyS } of SOURCES) {
    for (const name of Object.keys(counters)) {
      const samples = (await bed.samples(`${name}[${LOOKED_S - 2}s]`)).filter(
        ([timeS]) => timeS * 1000 < endMs - 2 * READ_WITHIN_MS,
      );
      expect(samples.length, name).toBeGreaterThan((LOOKED_S - 8) / everyS - 1);
      samples.forEach(([timeS, value], index) => {
        const what = `${name} @${timeS}`;
        const before = looks.findLast(({ toMs }) => toMs < timeS * 1000)?.values.get(name);
        const after = looks.find(({ fromMs }) => fromMs > timeS * 1000 + READ_WITHIN_MS);
        expect(value, what).toBeGreaterThanOrEqual(before ?? 0);
        expect(value, what).toBeLessThanOrEqual(after?.values.get(name) ?? Number.NaN);
        const [beforeS, valueBefore] = samples[index - 1] ?? [timeS - everyS, -1];
        expect(timeS - beforeS, `${what}: time since the sample before`).toBeGreaterThan(
          everyS - 0.5,
        );
        expect(value, `${what}: read anew`).toBeGreaterThan(valueBefore);
      });
      const [last, beforeLast] = [samples.at(-1), samples.at(-2)];
      if (last === undefined || beforeLast === undefined) throw new Error(`${name}: no samples`);
      const irate = (last[1] - beforeLast[1]) / (last[0] - beforeLast[0]);
      const [asked] = await bed.query(`irate(${name}[30s] @ ${last[0]})`);
      expect(asked?.[1], `irate of ${name}`).toBeCloseTo(irate, 6);
    }
  }
});
