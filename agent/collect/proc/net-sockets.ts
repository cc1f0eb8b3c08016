import { closeSync, openSync, readSync } from "node:fs";
import { errorMessage, OperationalError, systemCode } from "../../../shared/errors.ts";
import { type Collector, gauge } from "../collector.ts";
import { type CollectContext, hostPath, netPath } from "../context.ts";
import { ByteScanner } from "../kit/byte-scanner.ts";
import { readingCollector } from "../kit/reading.ts";
import { readSmallFile } from "../kit/small-file.ts";
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
  let descriptor = -1;
  try {
    descriptor = openSync(path, "r");
    let kept = 0;
    for (let total = 0; total <= FILE_BYTES_MAX; ) {
      const count = readSync(descriptor, piece, kept, PIECE_BYTES - kept, null);
      const length = kept + count;
      const end = count === 0 ? length : piece.lastIndexOf(NEWLINE, length - 1) + 1;
      const scan = new ByteScanner(piece, end);
      parseSockets(scan, sums);
      malformed += scan.malformed;
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

/** Numbered from 1. */
const STATES = (
  "established syn_sent syn_recv fin_wait1 fin_wait2 time_wait close close_wait last_ack listen " +
  "closing"
).split(" ");
const CONNECTIONS = gauge("node_tcp_connection_states", "TCP sockets by state, and queued bytes.");
/** As 3, for a request that has no full socket yet. */
const NEW_SYN_RECV = 12;
const SYN_RECV = 3;
const TIME_WAIT = 6;

/** TCP sockets by state; a host with very many has none, as to look at each would take too long. */
export function tcpstatCollector(context: CollectContext): Collector {
  const pathOf = (file: string) => hostPath(context, netPath(context, file));
  const [path, path6] = [pathOf("tcp"), pathOf("tcp6")];
  const [countsPath, countsPath6] = [pathOf("sockstat"), pathOf("sockstat6")];
  const sums = new Float64Array(SOCKETS_SIZE);
  return readingCollector(context, "tcpstat", [CONNECTIONS], (reading) => {
    // How many lines the files will have, from where that costs nothing.
    const inUse = socketCount(countsPath, "TCP inuse");
    const timeWait = socketCount(countsPath, "TCP tw");
    const inUse6 = socketCount(countsPath6, "TCP6 inuse");
    const expected = inUse + inUse6 + timeWait;
    if (expected > SOCKETS_MAX) {
      throw new OperationalError("LIMIT", `${expected} TCP sockets are more than ${SOCKETS_MAX}`);
    }
    sums.fill(0);
    reading.malformed += addSockets(path, sums);
    const inState = (state: number) => sums[SOCKETS_STATE + state] ?? 0;
    // To look through its whole table takes the kernel milliseconds, even if nothing is in it.
    if (inUse6 > 0 || inState(TIME_WAIT) < timeWait) reading.malformed += addSockets(path6, sums);
    const tell = (state: string, value: number) => reading.set(CONNECTIONS, { state }, value);
    for (const [index, word] of STATES.entries()) {
      const state = index + 1;
      tell(word, inState(state) + (state === SYN_RECV ? inState(NEW_SYN_RECV) : 0));
    }
    tell("rx_queued_bytes", sums[SOCKETS_RX] ?? 0);
    tell("tx_queued_bytes", sums[SOCKETS_TX] ?? 0);
    const unknown = inState(SOCKETS_UNKNOWN);
    if (unknown > 0) tell("unknown", unknown);
  });
}

function socketCount(path: string, field: string): number {
  return Math.max(parseSockstat(readSmallFile(path) ?? "").get(field) ?? 0, 0);
}

const UDP_QUEUES = gauge("node_udp_queues", "Bytes that wait in the queues of UDP sockets.");

export function udpQueuesCollector(context: CollectContext): Collector {
  const pathOf = (file: string) => hostPath(context, netPath(context, file));
  const paths = { v4: pathOf("udp"), v6: pathOf("udp6") };
  const sums = new Float64Array(SOCKETS_SIZE);
  return readingCollector(context, "udp_queues", [UDP_QUEUES], (reading) => {
    for (const [ip, path] of Object.entries(paths)) {
      reading.malformed += addSockets(path, sums.fill(0));
      reading.set(UDP_QUEUES, { queue: "tx", ip }, sums[SOCKETS_TX] ?? 0);
      reading.set(UDP_QUEUES, { queue: "rx", ip }, sums[SOCKETS_RX] ?? 0);
    }
  });
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
