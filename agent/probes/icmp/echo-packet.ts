/** Echo requests and replies of ICMP. Source: RFC 792, RFC 4443 section 4. */

export type Echo = {
  readonly family: 4 | 6;
  /** Of 16 bits each; the kernel may set another identifier. */
  readonly id: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
};

const HEADER_BYTES = 8;
const TYPES = { 4: { request: 8, reply: 0 }, 6: { request: 128, reply: 129 } } as const;

/** With its checksum for IPv4; that of IPv6 needs the addresses, and is the kernel's. */
export function echoRequest({ family, id, sequence, payload }: Echo): Buffer {
  const packet = Buffer.alloc(HEADER_BYTES + payload.length);
  packet[0] = TYPES[family].request;
  packet.writeUInt16BE(id, 4);
  packet.writeUInt16BE(sequence, 6);
  packet.set(payload, HEADER_BYTES);
  if (family === 4) packet.writeUInt16BE(checksum(packet), 2);
  return packet;
}

/** @param isOwnId false where the kernel has set the identifier, and looks to it that it is ours */
export function isReplyTo(echo: Echo, packet: Buffer, isOwnId: boolean): boolean {
  const { family, id, sequence, payload } = echo;
  return (
    packet.length === HEADER_BYTES + payload.length &&
    packet[0] === TYPES[family].reply &&
    packet[1] === 0 &&
    (!isOwnId || packet.readUInt16BE(4) === id) &&
    packet.readUInt16BE(6) === sequence &&
    packet.subarray(HEADER_BYTES).equals(payload)
  );
}

/** Source: RFC 1071. */
export function checksum(bytes: Buffer): number {
  let sum = 0;
  for (let i = 0; i + 1 < bytes.length; i += 2) sum += bytes.readUInt16BE(i);
  if (bytes.length % 2 === 1) sum += (bytes.at(-1) ?? 0) << 8;
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return ~sum & 0xffff;
}
