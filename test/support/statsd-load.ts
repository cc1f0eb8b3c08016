import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { DIST, killAtExit } from "./programs.ts";

export type Sent = {
  readonly sent: number;
  readonly failed: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
};

/** Packets of hot-shots, from a process of its own. */
export async function sendPackets(port: number, rate: number, packets: number): Promise<Sent> {
  const program = join(DIST, "test/support/statsd-sender-main.js");
  const args = [program, port, rate, packets].map(String);
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  killAtExit(child);
  let output = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  await once(child, "close");
  return JSON.parse(output) as Sent;
}

/** Sum of a metric of an agent's page over all its series whose labels have the text; 0 without any. */
function pageTotal(page: string, name: string, label = ""): number {
  let total = 0;
  for (const line of page.split("\n")) {
    const [, found, labels = "", value] = /^(\w+)(\{.*\})? (\S+)$/.exec(line) ?? [];
    if (found === name && labels.includes(label)) total += Number(value);
  }
  return total;
}

export type Counted = { readonly taken: number; readonly lost: number; readonly samples: number };

/** What an agent's page says of its sockets. */
export function countedOf(page: string): Counted {
  return {
    taken: pageTotal(page, "telltale_agent_statsd_datagrams_total"),
    lost: pageTotal(page, "telltale_agent_statsd_datagrams_lost_total"),
    samples: pageTotal(page, "telltale_agent_statsd_samples_total"),
  };
}
