/** A TCP port that is listened on. */
export type Listener = {
  /** `0.0.0.0` and `::` are all of the host's. */
  readonly address: string;
  readonly port: number;
};

const LISTEN = "0A";
const LISTENERS_MAX = 2000;

/**
 * Those of /proc/net/tcp or tcp6, which has them before all other sockets: the first that does not listen
 * ends it. A line that is cut at the end of the text is none. Source: kernel docs, networking/proc_net_tcp.
 */
export function parseListeners(text: string): Listener[] {
  const found: Listener[] = [];
  for (const line of text.split("\n").slice(1, -1)) {
    const [, local = "", , state] = line.trim().split(/\s+/, 4);
    if (state !== LISTEN || found.length === LISTENERS_MAX) break;
    const [hex = "", port = ""] = local.split(":");
    const address = hex.length === 8 ? ipv4(hex) : hex.length === 32 ? ipv6(hex) : null;
    if (address !== null && /^[0-9A-F]{4}$/.test(port)) {
      found.push({ address, port: Number.parseInt(port, 16) });
    }
  }
  return found;
}

/** Bytes of a word are in the host's order, as on all machines that this runs on: the last first. */
function ipv4(hex: string): string {
  return bytesOf(hex).join(".");
}

function ipv6(hex: string): string {
  const words = [0, 8, 16, 24].flatMap((start) => bytesOf(hex.slice(start, start + 8)));
  if (words.every((byte) => byte === 0)) return "::";
  if (words.slice(0, 15).every((byte) => byte === 0) && words[15] === 1) return "::1";
  const mapped = words.slice(0, 10).every((byte) => byte === 0) && words[10] === 255;
  if (mapped) return words.slice(12).join(".");
  const pairs = words.flatMap((byte, i) => (i % 2 === 0 ? [byte * 256 + (words[i + 1] ?? 0)] : []));
  return pairs.map((pair) => pair.toString(16)).join(":");
}

function bytesOf(hex: string): number[] {
  return [6, 4, 2, 0].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
}
