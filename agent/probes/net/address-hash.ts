import { SocketAddress } from "node:net";

const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** FNV-1a of the bytes of an address, as blackbox_exporter has it. */
export function addressHash(ip: string): number {
  let hash = FNV_OFFSET;
  for (const byte of addressBytes(ip)) hash = Math.imul(hash ^ byte, FNV_PRIME) >>> 0;
  return hash;
}

/** The 4 or 16 bytes of an address that is one; a zone is not part of it. */
export function addressBytes(ip: string): Uint8Array {
  const [plain = ""] = ip.split("%");
  if (!plain.includes(":")) return Uint8Array.from(plain.split("."), Number);
  const bytes = new Uint8Array(16);
  const { address } = new SocketAddress({ address: plain, family: "ipv6" });
  const dotted = address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...parts: string[]) => {
    const [a = 0, b = 0, c = 0, d = 0] = parts.slice(0, 4).map(Number);
    return `${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
  });
  const [head = "", tail] = dotted.split("::");
  const words = (text: string) => (text === "" ? [] : text.split(":"));
  const [first, last] = [words(head), words(tail ?? "")];
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => "0");
  for (const [i, word] of [...first, ...zeros, ...last].entries()) {
    const value = Number.parseInt(word, 16);
    bytes.set([value >> 8, value & 0xff], i * 2);
  }
  return bytes;
}
