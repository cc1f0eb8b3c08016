import { OperationalError } from "../../../shared/errors.ts";
import type { Labels } from "../../../shared/model/labels.ts";
import type { ByteReader, ByteWriter } from "../../../shared/wire/bytes.ts";

/** The different label sets that lines of a block have besides those of their stream. */
export function writeMetadata(writer: ByteWriter, sets: readonly Labels[]): void {
  writer.varint(sets.length);
  for (const labels of sets) {
    writer.varint(labels.length);
    for (const text of labels) {
      const bytes = Buffer.from(text);
      writer.varint(bytes.length);
      writer.bytes(bytes);
    }
  }
}

/** @throws OperationalError PARSE when these are not bytes that `writeMetadata` wrote */
export function readMetadata(reader: ByteReader): Labels[] {
  const sets: Labels[] = [];
  for (let left = reader.count(1); left > 0; left -= 1) {
    const labels: string[] = [];
    for (let texts = reader.count(1); texts > 0; texts -= 1) {
      labels.push(Buffer.from(reader.bytes(reader.count(1))).toString());
    }
    if (labels.length % 2 !== 0) throw new OperationalError("PARSE", "a label without a value");
    sets.push(labels);
  }
  return sets;
}
