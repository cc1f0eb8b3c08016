/**
 * Sockets of datagrams, UDP and Unix, by calls of the C library: many datagrams are read at once
 * (recvmmsg(2)), and the kernel says how many a socket lost. Node's own sockets do neither, and none
 * of Unix. Constants are those of Linux' generic ABI.
 */

import { strict as assert } from "node:assert";
import { chmodSync, lstatSync, rmSync } from "node:fs";
import { isIPv6 } from "node:net";
import { getSystemErrorName } from "node:util";
import { OperationalError } from "../errors.ts";
import { type Address, formatAddress } from "../model/address.ts";
import { type CLibrary, loadCLibrary } from "./c-library.ts";

/** Where datagrams come in: an IP address with its port, or the path of a socket. */
export type DatagramDoor = Address | string;

const [AF_UNIX, AF_INET, AF_INET6] = [1, 2, 10];
const SOCK_DGRAM_NONBLOCK_CLOEXEC = 0x8_0802;
const SOL_SOCKET = 1;
const [SO_RCVBUF, SO_RCVBUFFORCE, SO_MEMINFO] = [8, 33, 55];
const MSG_DONTWAIT = 0x40;
const MSG_TRUNC = 0x20;
const POLLIN = 1;
const SHUT_RDWR = 2;
/** Places in what SO_MEMINFO fills in: 32 bits each. */
const [MEMINFO_COUNT, MEMINFO_RCVBUF, MEMINFO_DROPS] = [9, 1, 8];
/** Of a `mmsghdr`; in it, the `iovec`s' place and number, the flags and the datagram's length. */
const HEADER_BYTES = 64;
const [HEADER_VECTOR, HEADER_VECTOR_COUNT, HEADER_FLAGS, HEADER_LENGTH] = [16, 24, 48, 56];
const VECTOR_BYTES = 16;
/** Of `sockaddr_un`, with the zero at its end. */
const PATH_BYTES_MAX = 108;

/** The largest that UDP can carry. Memory that no datagram came into is never touched. */
const DATAGRAM_BYTES_MAX = 65_536;
const AT_ONCE = 64;
/** Nothing depends on it: who closes wakes who waits. */
const WAIT_MS_MAX = 5000;

type Calls = ReturnType<typeof declareCalls>;

function declareCalls(library: CLibrary) {
  const { func } = library;
  return {
    errno: library.errno,
    socket: func("int socket(int family, int type, int protocol)"),
    bind: func("int bind(int socket, void *address, uint32_t length)"),
    connect: func("int connect(int socket, void *address, uint32_t length)"),
    setsockopt: func("int setsockopt(int socket, int level, int name, void *value, uint32_t size)"),
    getsockopt: func("int getsockopt(int socket, int level, int name, void *value, void *size)"),
    recvmmsg: func("int recvmmsg(int socket, void *headers, uint32_t n, int flags, void *timeout)"),
    poll: func("int poll(void *sockets, uint64_t count, int timeoutMs)"),
    shutdown: func("int shutdown(int socket, int how)"),
    close: func("int close(int descriptor)"),
    inetPton: func("int inet_pton(int family, const char *text, void *address)"),
  };
}

/** One socket. It never waits. */
export class DatagramSocket {
  readonly kind: "udp" | "unix";
  readonly door: string;
  /** What the kernel lets wait in it; it counts its own overhead, too. */
  readonly receiveBufferBytes: number;
  readonly descriptor: number;
  readonly #calls: Calls;
  readonly #path: string | null;
  readonly #batch: Batch;
  readonly #memory = Buffer.alloc(4 * MEMINFO_COUNT);
  readonly #memorySize = Buffer.alloc(4);
  #lost = 0;
  #drops = 0;

  /** @throws OperationalError IN_USE, UNAVAILABLE */
  constructor(door: DatagramDoor, receiveBufferBytes: number, batch: Batch, calls: Calls) {
    this.#calls = calls;
    this.#batch = batch;
    this.#path = typeof door === "string" ? door : null;
    this.kind = typeof door === "string" ? "unix" : "udp";
    this.door = typeof door === "string" ? door : formatAddress(door);
    this.descriptor = boundSocket(door, calls);
    const wanted = Buffer.alloc(4);
    wanted.writeInt32LE(receiveBufferBytes);
    // The second one is for who may; the first one is cut to net.core.rmem_max.
    for (const name of [SO_RCVBUF, SO_RCVBUFFORCE]) {
      calls.setsockopt(this.descriptor, SOL_SOCKET, name, wanted, 4);
    }
    this.#readMemory();
    // The kernel doubles what it is asked for.
    this.receiveBufferBytes = this.#memory.readUInt32LE(4 * MEMINFO_RCVBUF) / 2;
  }

  /**
   * Hands over what has come, at most 64 datagrams; returns how many. A datagram's bytes are valid until
   * `take` returns.
   */
  receive(take: (datagram: Buffer, isCut: boolean) => void): number {
    const { headers, room } = this.#batch;
    const answer = Number(
      this.#calls.recvmmsg(this.descriptor, headers, AT_ONCE, MSG_DONTWAIT, null),
    );
    for (let i = 0; i < answer; i += 1) {
      const length = headers.readUInt32LE(i * HEADER_BYTES + HEADER_LENGTH);
      const isCut = (headers.readInt32LE(i * HEADER_BYTES + HEADER_FLAGS) & MSG_TRUNC) !== 0;
      const start = i * DATAGRAM_BYTES_MAX;
      take(room.subarray(start, start + length), isCut);
    }
    return Math.max(0, answer);
  }

  /** Datagrams that the kernel had no room for, since the socket was opened. */
  lost(): number {
    this.#readMemory();
    const drops = this.#memory.readUInt32LE(4 * MEMINFO_DROPS);
    this.#lost += (drops - this.#drops) >>> 0; // it counts in 32 bits
    this.#drops = drops;
    return this.#lost;
  }

  /** Wakes who waits for it. */
  shutDown(): void {
    this.#calls.shutdown(this.descriptor, SHUT_RDWR);
    if (this.#path !== null) rmSync(this.#path, { force: true });
  }

  #readMemory(): void {
    this.#memorySize.writeUInt32LE(this.#memory.length);
    const { descriptor } = this;
    const answer = this.#calls.getsockopt(
      ...[descriptor, SOL_SOCKET, SO_MEMINFO, this.#memory, this.#memorySize],
    );
    assert(answer === 0, "Linux has had SO_MEMINFO since 4.12");
  }
}

/** Sockets that are waited for together, on a thread of libuv's pool. */
export class DatagramSockets implements AsyncDisposable {
  readonly sockets: readonly DatagramSocket[];
  readonly #calls: Calls;
  readonly #polled: Buffer;
  #waiting: Promise<void> | null = null;

  /** @throws OperationalError IN_USE, UNAVAILABLE */
  constructor(doors: readonly DatagramDoor[], receiveBufferBytes: number) {
    const library = loadCLibrary();
    const calls = declareCalls(library);
    const batch = newBatch(library);
    const sockets: DatagramSocket[] = [];
    try {
      for (const door of doors) {
        sockets.push(new DatagramSocket(door, receiveBufferBytes, batch, calls));
      }
    } catch (error) {
      closeAll(sockets, calls);
      throw error;
    }
    this.sockets = sockets;
    this.#calls = calls;
    this.#polled = Buffer.alloc(8 * sockets.length);
    for (const [i, { descriptor }] of sockets.entries()) {
      this.#polled.writeInt32LE(descriptor, 8 * i);
      this.#polled.writeInt16LE(POLLIN, 8 * i + 4);
    }
  }

  /** Resolves when a datagram is there; perhaps sooner. */
  async readable(): Promise<void> {
    this.#waiting ??= new Promise((resolve) => {
      this.#calls.poll.async(this.#polled, this.sockets.length, WAIT_MS_MAX, () => {
        this.#waiting = null;
        resolve();
      });
    });
    await this.#waiting;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.shutDown();
    await this.#waiting;
    for (const { descriptor } of this.sockets) this.#calls.close(descriptor);
  }
}

/** Where datagrams are read into. All of it has to be kept: the headers name the rest by its address. */
type Batch = { readonly headers: Buffer; readonly vectors: Buffer; readonly room: Buffer };

function newBatch({ addressOf }: CLibrary): Batch {
  const room = Buffer.alloc(AT_ONCE * DATAGRAM_BYTES_MAX);
  const vectors = Buffer.alloc(AT_ONCE * VECTOR_BYTES);
  const headers = Buffer.alloc(AT_ONCE * HEADER_BYTES);
  const [roomAt, vectorsAt] = [addressOf(room), addressOf(vectors)];
  for (let i = 0; i < AT_ONCE; i += 1) {
    const vector = i * VECTOR_BYTES;
    vectors.writeBigUInt64LE(roomAt + BigInt(i * DATAGRAM_BYTES_MAX), vector);
    vectors.writeBigUInt64LE(BigInt(DATAGRAM_BYTES_MAX), vector + 8);
    headers.writeBigUInt64LE(vectorsAt + BigInt(vector), i * HEADER_BYTES + HEADER_VECTOR);
    headers.writeBigUInt64LE(1n, i * HEADER_BYTES + HEADER_VECTOR_COUNT);
  }
  return { headers, vectors, room };
}

/** @throws OperationalError IN_USE, UNAVAILABLE */
function boundSocket(door: DatagramDoor, calls: Calls): number {
  const address = socketAddress(door, calls);
  const family = address.readUInt16LE(0);
  const descriptor = Number(calls.socket(family, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0));
  if (descriptor < 0) throw callError("No socket for", door, calls);
  if (typeof door === "string") removeLeftOver(door, address, calls);
  if (calls.bind(descriptor, address, address.length) !== 0) {
    const error = callError("Cannot receive at", door, calls);
    calls.close(descriptor);
    throw error;
  }
  // Who may reach the folder may send, as with a port of the loopback.
  if (typeof door === "string") chmodSync(door, 0o666);
  return descriptor;
}

/** A socket of a program that ended without removing it would be in the way. */
function removeLeftOver(path: string, address: Buffer, calls: Calls): void {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() !== true) return;
  const asker = Number(calls.socket(AF_UNIX, SOCK_DGRAM_NONBLOCK_CLOEXEC, 0));
  const answer = calls.connect(asker, address, address.length);
  const isLeftOver = answer !== 0 && getSystemErrorName(-calls.errno()) === "ECONNREFUSED";
  calls.close(asker);
  if (isLeftOver) rmSync(path);
}

/** @throws OperationalError UNAVAILABLE */
function socketAddress(door: DatagramDoor, calls: Calls): Buffer {
  if (typeof door === "string") {
    const path = Buffer.from(door);
    if (path.length >= PATH_BYTES_MAX) {
      throw new OperationalError("UNAVAILABLE", `Longer than a socket's path may be: ${door}`);
    }
    const address = Buffer.alloc(2 + PATH_BYTES_MAX);
    address.writeUInt16LE(AF_UNIX, 0);
    path.copy(address, 2);
    return address;
  }
  const family = isIPv6(door.host) ? AF_INET6 : AF_INET;
  const address = Buffer.alloc(family === AF_INET6 ? 28 : 16);
  address.writeUInt16LE(family, 0);
  address.writeUInt16BE(door.port, 2);
  const host = door.host === "localhost" ? "127.0.0.1" : door.host;
  const at = family === AF_INET6 ? 8 : 4;
  if (calls.inetPton(family, host, address.subarray(at)) === 1) return address;
  throw new OperationalError("UNAVAILABLE", `Not an IP address: ${door.host}`);
}

function callError(what: string, door: DatagramDoor, calls: Calls): OperationalError {
  const code = getSystemErrorName(-calls.errno());
  const where = typeof door === "string" ? door : formatAddress(door);
  const isTaken = code === "EADDRINUSE";
  return new OperationalError(isTaken ? "IN_USE" : "UNAVAILABLE", `${what} ${where}: ${code}`);
}

function closeAll(sockets: readonly DatagramSocket[], calls: Calls): void {
  for (const socket of sockets) {
    socket.shutDown();
    calls.close(socket.descriptor);
  }
}
