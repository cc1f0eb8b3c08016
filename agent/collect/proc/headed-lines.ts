import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { isSame } from "../kit/key-table.ts";

const COLON = 58;
const NEWLINE = 10;
/** Pairs of lines, and names in a line, beyond these are not looked at. */
const PAIRS_MAX = 64;
const NAMES_MAX = 1024;
const NAMES_BYTES_MAX = 64 * 1024;

/** A line of names, and where in the values the number of each goes; ABSENT: it is not wanted. */
type Plan = { readonly heading: Uint8Array; readonly targets: Int32Array };

/**
 * Files of pairs of lines, `Tcp: InSegs OutSegs` above `Tcp: 12 34` (net/snmp, net/netstat). The
 * names are three quarters of the file and never change while a kernel runs, so they are read once
 * and then only compared.
 */
export class HeadedLines {
  readonly #targets: ReadonlyMap<string, number>;
  readonly #plans: Plan[] = [];

  /** `targets`: where the number goes, by `Tcp InSegs`. */
  constructor(targets: ReadonlyMap<string, number>) {
    this.#targets = targets;
  }

  /**
   * Sets the values that stand in the file; those that do not keep what they had. Returns how many
   * numbers were malformed.
   */
  parse(bytes: Uint8Array, length: number, values: Float64Array): number {
    const scan = new ByteScanner(bytes, length);
    for (let pair = 0; pair < PAIRS_MAX && !scan.isDone; pair += 1) {
      const start = scan.at;
      const newline = bytes.indexOf(NEWLINE, start);
      // A file cut off in its names has no numbers.
      if (newline < 0 || newline >= scan.length) break;
      const plan = this.#planOf(pair, bytes, start, newline);
      scan.at = newline + 1;
      if (!scan.skipPast(COLON)) {
        scan.skipLine();
        continue;
      }
      for (let i = 0; i < plan.targets.length && !scan.isAtLineEnd; i += 1) {
        const target = plan.targets[i] ?? ABSENT;
        if (target >= 0) values[target] = scan.count();
        else {
          scan.skipSpaces();
          scan.skipWord();
        }
      }
      scan.skipLine();
    }
    return scan.malformed;
  }

  #planOf(pair: number, bytes: Uint8Array, start: number, end: number): Plan {
    const known = this.#plans[pair];
    if (known !== undefined && isSame(known.heading, bytes, start, end)) return known;
    const heading = Uint8Array.from(bytes.subarray(start, end));
    const plan = { heading, targets: this.#targetsOf(heading) };
    this.#plans[pair] = plan;
    return plan;
  }

  #targetsOf(heading: Uint8Array): Int32Array {
    const text = Buffer.from(heading.subarray(0, NAMES_BYTES_MAX)).toString("latin1");
    const colon = text.indexOf(":");
    const prefix = text.slice(0, Math.max(colon, 0));
    const names =
      colon < 0
        ? []
        : text
            .slice(colon + 1)
            .trim()
            .split(/[ \t]+/, NAMES_MAX);
    return Int32Array.from(names, (name) => this.#targets.get(`${prefix} ${name}`) ?? ABSENT);
  }
}
