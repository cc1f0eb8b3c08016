import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { hexCount } from "../kit/hex-count.ts";
import { isSame } from "../kit/key-table.ts";

const COLUMNS_MAX = 64;
const HEADING_BYTES_MAX = 4096;

/**
 * net/stat/nf_conntrack: a line of names, then one of hexadecimal numbers per CPU. The names differ
 * between kernels, not from one read to the next.
 */
export class ConntrackStat {
  readonly #names: readonly string[];
  #heading: Uint8Array = new Uint8Array(0);
  #targets: readonly number[] = [];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  /**
   * Sets the sums over the CPUs, in the order of the names; ABSENT for what the file does not name.
   * Returns how many numbers were malformed.
   */
  parse(bytes: Uint8Array, length: number, values: Float64Array): number {
    const scan = new ByteScanner(bytes, length);
    values.fill(ABSENT, 0, this.#names.length);
    scan.skipLine();
    const end = Math.min(scan.at, scan.length, HEADING_BYTES_MAX);
    if (!isSame(this.#heading, bytes, 0, end)) this.#readNames(bytes, end);
    const targets = this.#targets;
    for (; !scan.isDone; scan.skipLine()) {
      for (let i = 0; i < targets.length && !scan.isAtLineEnd; i += 1) {
        const target = targets[i] ?? ABSENT;
        const count = hexCount(scan);
        if (target >= 0 && count >= 0) values[target] = Math.max(values[target] ?? 0, 0) + count;
      }
    }
    return scan.malformed;
  }

  #readNames(bytes: Uint8Array, end: number): void {
    this.#heading = Uint8Array.from(bytes.subarray(0, end));
    const words = Buffer.from(this.#heading).toString("latin1").trim().split(/\s+/, COLUMNS_MAX);
    this.#targets = words.map((word) => this.#names.indexOf(word));
  }
}
