import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Bed, cpuSecondsOf, eventually, freePorts, residentMiB } from "../test/support/programs.ts";
import { type Counted, countedOf, sendPackets } from "../test/support/statsd-load.ts";
import { UnixSender } from "../test/support/unix-datagrams.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress, rounded } from "./report.ts";

const RATE = 40_000;
const SECONDS = 15;
const STOPPED_SECONDS = 3;
const UNIX_SECONDS = 5;
const IDLE_SECONDS = 10;

/**
 * A running agent under 40,000 packets a second of hot-shots: what it took, what was lost, and its CPU
 * share; the same with the agent stopped for some seconds, so that packets are lost; and a Unix socket
 * that is given as much as it takes. Beside it, what Node's own socket takes only to receive as many.
 */
export async function statsd(): Promise<BenchResult> {
  await using bed = await Bed.open();
  const [port] = await freePorts();
  const path = bed.path("statsd.sock");
  const { child } = await agentWith(bed, `statsd: { udp: "127.0.0.1:${port}", unix: ${path} }\n`);
  const counted = async () => countedOf(await bed.agentPage());
  progress("agent without packets");
  const idle = await share(() => cpuSecondsOf(child), delay(IDLE_SECONDS * 1000));
  const idleMiB = residentMiB(child.pid);
  progress(`${RATE} packets a second for ${SECONDS} s`);
  const sending = sendPackets(port, RATE, RATE * SECONDS);
  const busy = await share(() => cpuSecondsOf(child), sending);
  const flow = await sending;
  const after = await settled(counted);
  progress("the agent stands still, and goes on");
  child.kill("SIGSTOP");
  const stopped = await sendPackets(port, RATE, RATE * STOPPED_SECONDS);
  child.kill("SIGCONT");
  const last = await settled(counted);
  progress("a sender that does not rest, through the Unix socket");
  const unixBefore = cpuSecondsOf(child);
  const unixSent = sendThroughUnix(path);
  const unix = (cpuSecondsOf(child) - unixBefore) / UNIX_SECONDS;
  const end = await settled(counted);
  const plain = await plainShare();
  const lost = last.lost - after.lost;
  const vs = {
    sent: flow.sent,
    "sent per second": Math.round(flow.sent / flow.seconds),
    taken: after.taken,
    lost: after.lost,
    "values taken": after.samples,
    "CPU % of a core, with packets": rounded(100 * busy),
    "CPU % of a core, without": rounded(100 * idle),
    "CPU % of a core, Node's own socket that only receives": rounded(100 * plain),
    "MiB, with packets": rounded(residentMiB(child.pid)),
    "MiB, without": rounded(idleMiB),
    "stopped: sent": stopped.sent,
    "stopped: taken": last.taken - after.taken,
    "stopped: lost": lost,
    "stopped: sent - taken - lost": stopped.sent - (last.taken - after.taken) - lost,
    "Unix: sent per second": Math.round(unixSent / UNIX_SECONDS),
    "Unix: CPU % of a core": rounded(100 * unix),
    "Unix: sent - taken": unixSent - (end.taken - last.taken),
  };
  for (const [name, figure] of Object.entries(vs)) console.log(`${name.padEnd(56)}${figure}`);
  return { name: "statsd", value: after.lost, unit: "packets lost of 40,000/s", vs };
}

async function agentWith(bed: Bed, config: string) {
  const agent = bed.start("agent", [`--config=${bed.write("agent.yaml", config)}`]);
  await eventually(async () => (await bed.agentPage()).includes("telltale_agent_ticks_total"));
  await delay(5000); // what it does once, at its start
  return agent;
}

/** CPU seconds a second until the promise is there. */
async function share(cpuSeconds: () => number, until: Promise<unknown>): Promise<number> {
  const [before, beganMs] = [cpuSeconds(), performance.now()];
  await until;
  return (cpuSeconds() - before) / ((performance.now() - beganMs) / 1000);
}

/** Returns how many datagrams were sent. */
function sendThroughUnix(path: string): number {
  using sender = new UnixSender(path, true);
  const untilMs = performance.now() + 1000 * UNIX_SECONDS;
  let sent = 0;
  while (performance.now() < untilMs) {
    for (let i = 0; i < 100; i += 1) if (sender.send("http.requests:1|c|#service:shop")) sent += 1;
  }
  return sent;
}

/** When nothing has come for two ticks. */
async function settled(counted: () => Promise<Counted>): Promise<Counted> {
  let before = "";
  let last = await counted();
  await eventually(async () => {
    await delay(2500);
    last = await counted();
    const now = JSON.stringify(last);
    const isSettled = now === before;
    before = now;
    return isSettled;
  });
  return last;
}

/** Of this process, with a socket of Node's that does nothing with what comes. */
async function plainShare(): Promise<number> {
  progress("Node's own socket");
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 ** 2 });
  socket.on("message", () => {});
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const sending = sendPackets(socket.address().port, RATE, RATE * 5);
  const cpuSeconds = () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  };
  const used = await share(cpuSeconds, sending);
  socket.close();
  return used;
}
