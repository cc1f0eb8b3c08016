import { ByteWriter } from "../../shared/wire/bytes.ts";

/** What a client of Loki's push API has to say. */
export type MessageStream = {
  readonly labels: string;
  readonly entries: readonly {
    readonly seconds: number;
    readonly nanos: number;
    readonly line: string | Uint8Array;
    readonly metadata?: Readonly<Record<string, string>>;
  }[];
};

/** logproto.PushRequest as a client writes it, not yet compressed. Source: push.proto of Loki. */
export function pushMessage(streams: readonly MessageStream[]): Uint8Array {
  return message(streams.map((stream) => ({ field: 1, value: streamMessage(stream) })));
}

function streamMessage({ labels, entries }: MessageStream): Uint8Array {
  const parts: Part[] = [{ field: 1, value: Buffer.from(labels) }];
  for (const { seconds, nanos, line, metadata = {} } of entries) {
    const time = message([
      { field: 1, value: seconds },
      { field: 2, value: nanos },
    ]);
    const entry: Part[] = [
      { field: 1, value: time },
      { field: 2, value: Buffer.from(line) },
    ];
    for (const pair of Object.entries(metadata)) {
      const texts = pair.map((text, i) => ({ field: i + 1, value: Buffer.from(text) }));
      entry.push({ field: 3, value: message(texts) });
    }
    parts.push({ field: 2, value: message(entry) });
  }
  return message([...parts, { field: 3, value: 2 ** 52 }]); // the hash of the labels
}

type Part = { readonly field: number; readonly value: number | Uint8Array };

function message(parts: readonly Part[]): Uint8Array {
  const writer = new ByteWriter(64);
  for (const { field, value } of parts) {
    writer.varint(field * 8 + (typeof value === "number" ? 0 : 2));
    if (typeof value === "number") writer.varint(value);
    else {
      writer.varint(value.length);
      writer.bytes(value);
    }
  }
  return Uint8Array.from(writer.written());
}
