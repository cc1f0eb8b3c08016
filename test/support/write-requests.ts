import { type Field, field, integer, varint } from "./proto-writer.ts";

/** Requests of remote write as their senders make them. */
export type SentSeries = {
  readonly labels: Readonly<Record<string, string>>;
  readonly samples: readonly (readonly [timeMs: number, value: number | Uint8Array])[];
};

/** prometheus.WriteRequest */
export function writeV1(series: readonly SentSeries[], ...more: readonly Field[]): Buffer {
  const all = series.map(({ labels, samples }) => {
    const pairs = Object.entries(labels).map(([name, value]) => {
      return field(1, [field(1, name), field(2, value)]);
    });
    return field(1, [...pairs, ...samples.map(sampleField)]);
  });
  return Buffer.concat([...all, ...more]);
}

/** io.prometheus.write.v2.Request; `more` are further fields of each series. */
export function writeV2(series: readonly SentSeries[], ...more: readonly Field[]): Buffer {
  const symbols = [
    ...new Set(["", ...series.flatMap(({ labels }) => Object.entries(labels).flat())]),
  ];
  const all = series.map(({ labels, samples }) => {
    const refs = Object.entries(labels)
      .flat()
      .map((text) => varint(symbols.indexOf(text)));
    return field(5, [field(1, Buffer.concat(refs)), ...samples.map(sampleField), ...more]);
  });
  return Buffer.concat([...symbols.map((text) => field(4, text)), ...all]);
}

function sampleField([timeMs, value]: SentSeries["samples"][number]): Field {
  const double =
    typeof value === "number" ? field(1, value) : Buffer.concat([Buffer.of(0x09), value]);
  return field(2, [double, integer(2, timeMs)]);
}

/** As one literal: what any Snappy decoder reads. */
export function snappyBlock(bytes: Uint8Array, saysLength = bytes.length): Buffer {
  if (bytes.length === 0) return Buffer.from(varint(saysLength));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length - 1);
  return Buffer.concat([varint(saysLength), Buffer.of(63 << 2), length, bytes]);
}
