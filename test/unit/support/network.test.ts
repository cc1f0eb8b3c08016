import { beforeEach, expect, test } from "vitest";
import type { AggregatorMessage__Output } from "../../../shared/wire/generated/telltale/v1/AggregatorMessage.ts";
import type {
  AgentConnection,
  AggregatorConnection,
} from "../../../shared/wire/ingest-connection.ts";
import { Host, type Process } from "../../simulation/host.ts";
import { Network } from "../../simulation/network.ts";
import { Trace } from "../../simulation/trace.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/random.ts";

const SILENCE_MAX_MS = 5000;
const never = new AbortController().signal;

let clock: FakeClock;
let network: Network;
let agent: Process;
let agentHost: Host;
let aggregator: Process;
let accepted: AggregatorConnection[];

beforeEach(() => {
  clock = new FakeClock();
  const trace = new Trace(() => clock.monotonicMs(), { isKept: false });
  const world = { clock, random: new SeededRandom(1), trace };
  const observer = {
    agentGot: () => {},
    aggregatorSent: (_ends: unknown, message: AggregatorMessage__Output) => message,
  };
  const options = { latencyMaxMs: 50, silenceMaxMs: SILENCE_MAX_MS, roomMessages: 4 };
  network = new Network(world, options, observer);
  const speed = { read: 1, write: 1, sync: 1 };
  agentHost = new Host("node-1", world, { speed, wallMs: 0 });
  agent = agentHost.start();
  aggregator = new Host("aggregator", world, { speed, wallMs: 0 }).start();
  accepted = [];
  network.listen(aggregator, (connection) => accepted.push(connection));
});

async function connect(): Promise<[AgentConnection, AggregatorConnection]> {
  const connecting = network.connect(agent, "aggregator", never);
  await clock.advance(100);
  const connection = await connecting;
  const other = accepted.at(-1);
  if (other === undefined) throw new Error("nothing was accepted");
  return [connection, other];
}

/** What arrives, and how it ends. */
function collect(connection: AggregatorConnection): { seqs: number[]; end: string } {
  const result = { seqs: [] as number[], end: "" };
  const run = async () => {
    try {
      for await (const { hello } of connection.messages) result.seqs.push(hello?.newestSeq ?? -1);
      result.end = "ended";
    } catch (error) {
      result.end = error instanceof Error ? error.message : String(error);
    }
  };
  void run();
  return result;
}

const message = (newestSeq: number) => ({ hello: { newestSeq } });

test("messages arrive in order, later, as the bytes of the protocol", async () => {
  const [connection, other] = await connect();
  const got = collect(other);
  for (let seq = 1; seq <= 20; seq += 1) {
    const sent = connection.send(message(seq * 2 ** 32));
    expect(got.seqs).not.toContain(seq * 2 ** 32);
    await clock.advance(200);
    await sent;
  }
  expect(got.seqs).toEqual(Array.from({ length: 20 }, (_, i) => (i + 1) * 2 ** 32));
  connection.close();
  await clock.advance(200);
  expect(got.end).toBe("ended");
});

test("send waits when nothing is taken at the other end", async () => {
  const [connection, other] = await connect();
  let sent = 0;
  const run = async () => {
    for (let seq = 1; seq <= 10; seq += 1) {
      await connection.send(message(seq));
      sent = seq;
    }
  };
  void run();
  await clock.advance(1000);
  expect(sent).toBe(3);
  const got = collect(other);
  await clock.advance(1000);
  expect([sent, got.seqs.length]).toEqual([10, 10]);
});

test("a short cut only delays", async () => {
  const [connection, other] = await connect();
  const got = collect(other);
  network.cut("node-1");
  void connection.send(message(1));
  await clock.advance(SILENCE_MAX_MS * 0.3);
  expect(got.seqs).toEqual([]);
  network.heal("node-1");
  await clock.advance(100);
  expect(got).toEqual({ seqs: [1], end: "" });
});

test("after a long cut both sides have given up, and connecting works again", async () => {
  const [connection, other] = await connect();
  const got = collect(other);
  network.cut("node-1");
  await connection.send(message(1));
  await clock.advance(2 * SILENCE_MAX_MS);
  expect(got.seqs).toEqual([]);
  expect(got.end).toMatch(/keepalive|reset/);
  await expect(connection.send(message(2))).rejects.toThrow(/keepalive|reset/);
  const refused = expect(network.connect(agent, "aggregator", never)).rejects.toThrow(/no answer/);
  await clock.advance(2 * SILENCE_MAX_MS);
  await refused;
  network.heal("node-1");
  await connect();
});

test("a dropped connection fails at both ends, at the latest after the silence", async () => {
  const [connection, other] = await connect();
  const got = collect(other);
  network.drop("node-1");
  await clock.advance(SILENCE_MAX_MS);
  expect(got.end).toMatch(/reset/);
  await expect(connection.send(message(1))).rejects.toThrow(/reset/);
});

test("nobody answers for a dead process, and it gets nothing any more", async () => {
  const [connection, other] = await connect();
  agentHost.crash("kill");
  network.processDied(agent, "kill");
  let settled = 0;
  void connection.send(message(1)).finally(() => (settled += 1));
  void connection.messages[Symbol.asyncIterator]()
    .next()
    .finally(() => (settled += 1));
  const got = collect(other);
  await clock.advance(2 * SILENCE_MAX_MS);
  expect(settled).toBe(0);
  expect(got.end).toMatch(/reset/);
});

test("without a listener a connection is refused", async () => {
  network.processExited(aggregator);
  const refused = expect(network.connect(agent, "aggregator", never)).rejects.toThrow(/refused/);
  await clock.advance(100);
  await refused;
});
