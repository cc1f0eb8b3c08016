import { ABSENT, ByteScanner } from "../kit/byte-scanner.ts";
import { KeyTable } from "../kit/key-table.ts";

const COLON = 58;

/** Which numbers of net/sockstat go where: lines such as `TCP: inuse 6 orphan 0`. */
export class SockstatLayout {
  readonly #groups: KeyTable;
  readonly #names: KeyTable;
  /** By group, then by name: the place in the values; ABSENT: not wanted. */
  readonly #targets: Int32Array;

  /** In the order of the values. */
  constructor(fields: readonly (readonly [group: string, name: string])[]) {
    const groups = [...new Set(fields.map(([group]) => group))];
    const names = [...new Set(fields.map(([, name]) => name))];
    this.#groups = new KeyTable(groups.map((group, index) => [group, index]));
    this.#names = new KeyTable(names.map((name, index) => [name, index]));
    this.#targets = new Int32Array(groups.length * names.length).fill(ABSENT);
    for (const [target, [group, name]] of fields.entries()) {
      this.#targets[groups.indexOf(group) * names.length + names.indexOf(name)] = target;
    }
  }

  /** Sets the values that stand in the file. Returns how many numbers were malformed. */
  parse(bytes: Uint8Array, length: number, values: Float64Array): number {
    const scan = new ByteScanner(bytes, length);
    for (; !scan.isDone; scan.skipLine()) {
      const start = scan.at;
      if (!scan.skipPast(COLON)) continue;
      const group = this.#groups.find(bytes, start, scan.at - 1);
      if (group === ABSENT) continue;
      for (scan.skipSpaces(); !scan.isAtLineEnd; scan.skipSpaces()) {
        const nameStart = scan.at;
        scan.skipWord();
        const name = this.#names.find(bytes, nameStart, scan.at);
        const target = name === ABSENT ? ABSENT : this.#targets[group * this.#names.size + name];
        if (target !== undefined && target !== ABSENT) values[target] = scan.count();
        else {
          scan.skipSpaces();
          scan.skipWord();
        }
      }
    }
    return scan.malformed;
  }
}
