import { OperationalError } from "../errors.ts";
import type { ByteReader } from "./bytes.ts";
import type { ParsedGroup } from "./frame-input.ts";

/**
 * Groups as version 1 of the frame had them, for agents of that time and for logs that they left:
 *
 *     varint    group * 2 + 1 if it ticked, group * 2 if it is only named (in a keyframe)
 *     varint    number of series that ended; their ids, each as varint of the gap
 *     varint    number of series that changed or began; each as varint of the gap, and value
 *
 * A value is its difference as varint: twice its magnitude, plus 1 if negative. The code 1 (a
 * negative zero) and 8 bytes of a double: the value itself. In the head the sequence is one varint.
 *
 * @throws OperationalError PARSE
 */
export function readGroupV1(reader: ByteReader, seriesCount: number): ParsedGroup {
  const head = reader.varint();
  const ended = new Array<number>(reader.count(1));
  readIds(reader, ended, seriesCount, null);
  const changed = new Array<number>(reader.count(2));
  const values = new Float64Array(changed.length);
  const isAbsolute = new Uint8Array(changed.length);
  readIds(reader, changed, seriesCount, { values, isAbsolute });
  const group = Math.floor(head / 2);
  return { group, isTicked: head % 2 === 1, ended, changed, values, isAbsolute };
}

function readIds(
  reader: ByteReader,
  ids: number[],
  seriesCount: number,
  target: { readonly values: Float64Array; readonly isAbsolute: Uint8Array } | null,
): void {
  let before = -1;
  for (let i = 0; i < ids.length; i += 1) {
    const id = before + 1 + reader.varint();
    if (id >= seriesCount) {
      throw new OperationalError("PARSE", `frame names series ${id} of ${seriesCount}`);
    }
    ids[i] = id;
    before = id;
    if (target === null) continue;
    const code = reader.varint();
    const magnitude = Math.floor(code / 2);
    target.isAbsolute[i] = code === ABSOLUTE ? 1 : 0;
    if (code === ABSOLUTE) target.values[i] = reader.double();
    else target.values[i] = code % 2 === 1 ? -magnitude : magnitude;
  }
}

const ABSOLUTE = 1;
