import { closeSync, openSync, readSync } from "node:fs";
import { errorMessage, OperationalError, systemCode } from "../../../shared/errors.ts";
import {
  type Collector,
  familiesOf,
  gauge,
  JOB_NODE,
  SeriesRow,
  type SeriesSpec,
} from "../collector.ts";
import { type CollectContext, hostPath } from "../context.ts";
import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { readSmallFile } from "../kit/small-file.ts";
import { netPath } from "./net-path.ts";
import { parseSockstat } from "./sockstat.ts";

const COLON = 58;
/** In what `parseSockets` adds up: bytes waiting, then sockets by the number of their state. */
const SOCKETS_TX = 0;
const SOCKETS_RX = 1;
const SOCKETS_STATE = 2;
/** Of a state that no kernel had when this was written. */
const SOCKETS_UNKNOWN = 13;
export const SOCKETS_SIZE = SOCKETS_STATE + SOCKETS_UNKNOWN + 1;

/** A line of net/tcp takes the kernel and us a microsecond: this many are not worth a late tick. */
const SOCKETS_MAX = 5000;
const FILE_BYTES_MAX = 1024 * 1024;
const PIECE_BYTES = 16 * 1024;
const NEWLINE = 10;

/**
 * Adds up a file with a line per socket, in pieces, so that it never lies in memory as a whole.
 * @throws OperationalError LIMIT when there is more of it than may hold up a tick
 */
function addSockets(path: string, sums: Float64Array): number {
  const piece = Buffer.allocUnsafe(PIECE_BYTES);
  let malformed = 0;
  const add = (length: number) => {
    const scan = new ByteScanner(piece, length);
    parseSockets(scan, sums);
    malformed += scan.malformed;
  };
  let descriptor = -1;
  try {
    descriptor = openSync(path, "r");
    let kept = 0;
    for (let total = 0; total <= FILE_BYTES_MAX; ) {
      const count = readSync(descriptor, piece, kept, PIECE_BYTES - kept, null);
      const length = kept + count;
      const end = count === 0 ? length : piece.lastIndexOf(NEWLINE, length - 1) + 1;
      add(end);
      if (count === 0) return malformed;
      total += count;
      // A line that does not end within a piece is none.
      kept = length - end < PIECE_BYTES ? length - end : 0;
      piece.copyWithin(0, length - kept, length);
    }
  } catch (error) {
    // No IPv6, no UDP-Lite: no such file.
    if (systemCode(error) === "ENOENT") return malformed;
    const message = `Cannot read ${path}: ${errorMessage(error)}`;
    throw new OperationalError("UNAVAILABLE", message, { cause: error });
  } finally {
    if (descriptor >= 0) closeSync(descriptor);
  }
  throw new OperationalError("LIMIT", `${path} is larger than ${FILE_BYTES_MAX} bytes`);
}

const STATES = [
  ["established", 1],
  ["syn_sent", 2],
  ["syn_recv", 3],
  ["fin_wait1", 4],
  ["fin_wait2", 5],
  ["time_wait", 6],
  ["close", 7],
  ["close_wait", 8],
  ["last_ack", 9],
  ["listen", 10],
  ["closing", 11],
] as const;
const STATES_HELP = "TCP sockets in each state; and bytes that wait in their queues.";
/** As 3, for a request that has no full socket yet. */
const NEW_SYN_RECV = 12;
const SYN_RECV = 3;
const TIME_WAIT_STATE = 6;

function stateSpec(state: string): SeriesSpec {
  return { ...gauge("node_tcp_connection_states", STATES_HELP), labels: { state } };
}

/** TCP sockets by state; a host with very many has none, as to look at each would take too long. */
export function tcpstatCollector(context: CollectContext): Collector {
  const specs = [
    ...STATES.map(([state]) => stateSpec(state)),
    stateSpec("rx_queued_bytes"),
    stateSpec("tx_queued_bytes"),
    stateSpec("unknown"),
  ];
  const row = new SeriesRow(context.sink, specs, { job: JOB_NODE });
  const path = hostPath(context, netPath(context, "tcp"));
  const path6 = hostPath(context, netPath(context, "tcp6"));
  const counts = new SocketCounts(context);
  const sums = new Float64Array(SOCKETS_SIZE);
  const add = (from: string) => {
    context.faults.add("tcpstat", "malformed", addSockets(from, sums));
  };
  return {
    name: "tcpstat",
    families: familiesOf(specs),
    collect: () => {
      counts.read();
      const expected = counts.inUse + counts.inUse6 + counts.timeWait;
      if (expected > SOCKETS_MAX) {
        throw new OperationalError("LIMIT", `${expected} TCP sockets are more than ${SOCKETS_MAX}`);
      }
      sums.fill(0);
      add(path);
      // To look through its whole table takes the kernel milliseconds, even if nothing is in it.
      const timeWait = sums[SOCKETS_STATE + TIME_WAIT_STATE] ?? 0;
      if (counts.inUse6 > 0 || timeWait < counts.timeWait) add(path6);
      const requests = sums[SOCKETS_STATE + NEW_SYN_RECV] ?? 0;
      sums[SOCKETS_STATE + SYN_RECV] = (sums[SOCKETS_STATE + SYN_RECV] ?? 0) + requests;
      for (const [index, [, state]] of STATES.entries()) {
        row.set(index, sums[SOCKETS_STATE + state] ?? 0);
      }
      row.set(STATES.length, sums[SOCKETS_RX] ?? 0);
      row.set(STATES.length + 1, sums[SOCKETS_TX] ?? 0);
      // Only where there are such.
      row.set(STATES.length + 2, sums[SOCKETS_STATE + SOCKETS_UNKNOWN] || ABSENT);
    },
    close: () => undefined,
  };
}

/** How many lines net/tcp and net/tcp6 will have, from where that costs nothing. */
class SocketCounts {
  inUse = 0;
  inUse6 = 0;
  timeWait = 0;
  readonly #path: string;
  readonly #path6: string;

  constructor(context: CollectContext) {
    this.#path = hostPath(context, netPath(context, "sockstat"));
    this.#path6 = hostPath(context, netPath(context, "sockstat6"));
  }

  read(): void {
    const counts = parseSockstat(readSmallFile(this.#path) ?? "");
    const counts6 = parseSockstat(readSmallFile(this.#path6) ?? "");
    this.inUse = Math.max(counts.get("TCP inuse") ?? 0, 0);
    this.timeWait = Math.max(counts.get("TCP tw") ?? 0, 0);
    this.inUse6 = Math.max(counts6.get("TCP6 inuse") ?? 0, 0);
  }
}

const UDP_HELP = "Bytes that wait in the queues of UDP sockets.";
const UDP_FILES = [
  ["udp", "v4"],
  ["udp6", "v6"],
] as const;

export function udpQueuesCollector(context: CollectContext): Collector {
  const files = UDP_FILES.map(([file, ip]) => {
    const specs = ["tx", "rx"].map((queue) => ({
      ...gauge("node_udp_queues", UDP_HELP),
      labels: { queue, ip },
    }));
    const row = new SeriesRow(context.sink, specs, { job: JOB_NODE });
    return { path: hostPath(context, netPath(context, file)), specs, row };
  });
  const sums = new Float64Array(SOCKETS_SIZE);
  return {
    name: "udp_queues",
    families: familiesOf(files.flatMap(({ specs }) => specs)),
    collect: () => {
      for (const { path, row } of files) {
        sums.fill(0);
        context.faults.add("udp_queues", "malformed", addSockets(path, sums));
        row.set(0, sums[SOCKETS_TX] ?? 0);
        row.set(1, sums[SOCKETS_RX] ?? 0);
      }
    },
    close: () => undefined,
  };
}

/**
 * Adds the sockets of net/tcp, net/udp and their v6 likes to `sums`. Source: kernel docs,
 * networking/proc_net_tcp.
 */
export function parseSockets(scan: ByteScanner, sums: Float64Array): void {
  for (; !scan.isDone; scan.skipLine()) {
    // `sl:`, local and remote address; the heading has no colon.
    if (!scan.skipPast(COLON)) continue;
    scan.skipWords(2);
    const number = scan.hex();
    const state = Math.min(number, SOCKETS_UNKNOWN);
    const tx = scan.hex();
    if (scan.bytes[scan.at] === COLON) scan.at += 1;
    const rx = scan.hex();
    if (state < 0 || tx < 0 || rx < 0) continue;
    sums[SOCKETS_STATE + state] = (sums[SOCKETS_STATE + state] ?? 0) + 1;
    sums[SOCKETS_TX] = (sums[SOCKETS_TX] ?? 0) + tx;
    sums[SOCKETS_RX] = (sums[SOCKETS_RX] ?? 0) + rx;
  }
}
