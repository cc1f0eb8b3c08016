/**
 * A socket of ICMP, by calls of the C library: Node has none. Linux' unprivileged kind where
 * net.ipv4.ping_group_range allows it, else a raw one, which needs CAP_NET_RAW. It never blocks.
 * Source: icmp(7), ip(7), ipv6(7), socket(7), recvmsg(2).
 */

import { getSystemErrorName } from "node:util";
import { OperationalError } from "../../../shared/errors.ts";
import { type CLibrary, loadCLibrary } from "../../../shared/platform/c-library.ts";
import { addressBytes } from "../net/address-hash.ts";

export type IcmpOptions = {
  readonly family: 4 | 6;
  /** Null: the system chooses. */
  readonly sourceAddress: string | null;
  /** 0: the system's. */
  readonly ttl: number;
  readonly dontFragment: boolean;
};

export type Received = {
  readonly packet: Buffer;
  readonly from: Uint8Array;
  /** Null where the kernel did not tell. */
  readonly hopLimit: number | null;
  /** Of the kernel's real-time clock; null where it did not tell. */
  readonly receivedNs: bigint | null;
};

const FAMILIES = { 4: { domain: 2, protocol: 1 }, 6: { domain: 10, protocol: 58 } } as const;
const DATAGRAM = 2;
const RAW = 3;
const NON_BLOCKING = 0x800;
const CLOSE_ON_EXEC = 0x80000;
const LEVEL = { socket: 1, ip4: 0, ip6: 41 };
const OPTION = { timestampNs: 35, ttl: 2, receiveTtl: 12, mtuDiscover: 10 };
const OPTION_6 = { unicastHops: 16, receiveHopLimit: 51, hopLimit: 52 };
const NEVER_FRAGMENT = 2;
const AGAIN = 11;
const ADDRESS_BYTES = { 4: 16, 6: 28 };
const PACKET_BYTES_MAX = 65_536;
const CONTROL_BYTES = 256;
const CONTROL_HEADER_BYTES = 16;
const MESSAGE_HEADER_BYTES = 56;

/** The calls that are needed, by their prototypes. */
function calls(library: CLibrary) {
  return {
    socket: library.func("int socket(int domain, int type, int protocol)"),
    bind: library.func("int bind(int socket, const void *address, uint32_t length)"),
    setOption: library.func(
      "int setsockopt(int socket, int level, int name, const void *value, uint32_t length)",
    ),
    send: library.func(
      "int64_t sendto(int socket, const void *bytes, size_t length, int flags, const void *address, uint32_t addressLength)",
    ),
    receive: library.func("int64_t recvmsg(int socket, void *message, int flags)"),
    close: library.func("int close(int descriptor)"),
    time: library.func("int clock_gettime(int clock, void *time)"),
  };
}

export class IcmpSocket implements Disposable {
  readonly #library: CLibrary;
  readonly #calls: ReturnType<typeof calls>;
  readonly #family: 4 | 6;
  readonly #descriptor: number;
  /** Whether packets are seen as they are: with the identifier that was sent, and those of others. */
  readonly isRaw: boolean;
  readonly #packet = Buffer.allocUnsafeSlow(PACKET_BYTES_MAX);
  readonly #control = Buffer.allocUnsafeSlow(CONTROL_BYTES);
  readonly #from = Buffer.allocUnsafeSlow(ADDRESS_BYTES[6]);
  readonly #vector = Buffer.allocUnsafeSlow(16);
  readonly #message = Buffer.allocUnsafeSlow(MESSAGE_HEADER_BYTES);

  /** @throws OperationalError UNAVAILABLE where there may be none, or the options cannot be had */
  constructor(options: IcmpOptions) {
    this.#library = loadCLibrary();
    this.#calls = calls(this.#library);
    this.#family = options.family;
    const unprivileged = this.#open(DATAGRAM);
    this.isRaw = unprivileged < 0;
    this.#descriptor = this.isRaw ? this.#open(RAW) : unprivileged;
    if (this.#descriptor < 0) throw this.#forbidden();
    try {
      this.#configure(options);
    } catch (error) {
      this[Symbol.dispose]();
      throw error;
    }
  }

  /** @returns the kernel's real time before it @throws OperationalError UNAVAILABLE */
  send(packet: Buffer, to: string): bigint {
    const address = this.#address(to);
    const sentNs = this.#nowNs();
    const { send } = this.#calls;
    const sent = send(this.#descriptor, packet, packet.length, 0, address, address.length);
    if (Number(sent) < 0) throw this.#failure("The packet cannot be sent");
    return sentNs;
  }

  /** A packet that has come; null: there is none yet. @throws OperationalError UNAVAILABLE */
  receive(): Received | null {
    this.#prepareMessage();
    const length = Number(this.#calls.receive(this.#descriptor, this.#message, 0));
    if (length < 0) {
      if (this.#library.errno() === AGAIN) return null;
      throw this.#failure("Nothing can be received");
    }
    const control = this.#controls(Number(this.#message.readBigUInt64LE(40)));
    // A raw socket of IPv4 has the packet's header, too.
    const header = this.isRaw && this.#family === 4 ? ((this.#packet[0] ?? 0) & 0x0f) * 4 : 0;
    const from = this.#family === 4 ? this.#from.subarray(4, 8) : this.#from.subarray(8, 24);
    const packet = Buffer.from(this.#packet.subarray(Math.min(header, length), length));
    return { packet, from: Uint8Array.from(from), ...control };
  }

  [Symbol.dispose](): void {
    this.#calls.close(this.#descriptor);
  }

  #open(type: number): number {
    const { domain, protocol } = FAMILIES[this.#family];
    return Number(this.#calls.socket(domain, type | NON_BLOCKING | CLOSE_ON_EXEC, protocol));
  }

  #configure({ family, sourceAddress, ttl, dontFragment }: IcmpOptions): void {
    this.#set(LEVEL.socket, OPTION.timestampNs, 1);
    if (family === 4) {
      this.#set(LEVEL.ip4, OPTION.receiveTtl, 1);
      if (ttl > 0) this.#set(LEVEL.ip4, OPTION.ttl, ttl);
      if (dontFragment) this.#set(LEVEL.ip4, OPTION.mtuDiscover, NEVER_FRAGMENT);
    } else {
      this.#set(LEVEL.ip6, OPTION_6.receiveHopLimit, 1);
      if (ttl > 0) this.#set(LEVEL.ip6, OPTION_6.unicastHops, ttl);
    }
    if (sourceAddress === null) return;
    const address = this.#address(sourceAddress);
    const failed = Number(this.#calls.bind(this.#descriptor, address, address.length)) < 0;
    if (failed) throw this.#failure(`${sourceAddress} cannot be sent from`);
  }

  #set(level: number, name: number, value: number): void {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32LE(value);
    const failed = Number(this.#calls.setOption(this.#descriptor, level, name, bytes, 4)) < 0;
    if (failed) throw this.#failure("An option of the socket cannot be set");
  }

  /** sockaddr_in or sockaddr_in6, with port 0. */
  #address(ip: string): Buffer {
    const address = Buffer.alloc(ADDRESS_BYTES[this.#family]);
    address.writeUInt16LE(FAMILIES[this.#family].domain);
    address.set(addressBytes(ip), this.#family === 4 ? 4 : 8);
    return address;
  }

  #nowNs(): bigint {
    const time = Buffer.alloc(16);
    this.#calls.time(0, time);
    return time.readBigInt64LE(0) * 1_000_000_000n + time.readBigInt64LE(8);
  }

  /** msghdr, whose lengths the kernel overwrites each time. */
  #prepareMessage(): void {
    const message = this.#message;
    const at = (buffer: Buffer) => this.#library.addressOf(buffer);
    this.#vector.writeBigUInt64LE(at(this.#packet), 0);
    this.#vector.writeBigUInt64LE(BigInt(this.#packet.length), 8);
    message.fill(0);
    message.writeBigUInt64LE(at(this.#from), 0);
    message.writeUInt32LE(this.#from.length, 8);
    message.writeBigUInt64LE(at(this.#vector), 16);
    message.writeBigUInt64LE(1n, 24);
    message.writeBigUInt64LE(at(this.#control), 32);
    message.writeBigUInt64LE(BigInt(this.#control.length), 40);
  }

  #controls(length: number): Pick<Received, "hopLimit" | "receivedNs"> {
    const control = this.#control.subarray(0, Math.min(length, CONTROL_BYTES));
    let hopLimit: number | null = null;
    let receivedNs: bigint | null = null;
    for (let at = 0; at + CONTROL_HEADER_BYTES < control.length; ) {
      const size = Number(control.readBigUInt64LE(at));
      if (size < CONTROL_HEADER_BYTES || at + size > control.length) break;
      const [level, type] = [control.readInt32LE(at + 8), control.readInt32LE(at + 12)];
      const start = at + CONTROL_HEADER_BYTES;
      const isHops =
        (level === LEVEL.ip4 && type === OPTION.ttl) ||
        (level === LEVEL.ip6 && type === OPTION_6.hopLimit);
      if (isHops) hopLimit = control.readInt32LE(start);
      if (level === LEVEL.socket && type === OPTION.timestampNs) {
        const [seconds, ns] = [control.readBigInt64LE(start), control.readBigInt64LE(start + 8)];
        receivedNs = seconds * 1_000_000_000n + ns;
      }
      at += Math.ceil(size / 8) * 8;
    }
    return { hopLimit, receivedNs };
  }

  #forbidden(): OperationalError {
    const why = getSystemErrorName(-this.#library.errno());
    return new OperationalError(
      "UNAVAILABLE",
      `The agent may not send ICMP (${why}): let its group do so by the sysctl net.ipv4.ping_group_range, such as "0 2147483647", or give it CAP_NET_RAW`,
    );
  }

  #failure(what: string): OperationalError {
    const why = getSystemErrorName(-this.#library.errno());
    return new OperationalError("UNAVAILABLE", `${what}: ${why}`);
  }
}
