import { expect, test } from "vitest";
import type { WriteOutcome, WriteRequest } from "../../../aggregator/model/write-request.ts";
import { WriteReceiver } from "../../../aggregator/remote/write-receiver.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { formatLabels } from "../../../shared/model/labels.ts";
import { columnBits, isStale } from "../../../shared/model/stale.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { field, integer } from "../../support/proto-writer.ts";
import { snappyBlock, writeV1, writeV2 } from "../../support/write-requests.ts";

const STALE = Uint8Array.of(2, 0, 0, 0, 0, 0, 0xf0, 0x7f);
const V2_TYPE = "application/x-protobuf;proto=io.prometheus.write.v2.Request";
const UP = { __name__: "up", job: "node" };
const SERIES = [
  {
    labels: UP,
    samples: [
      [1000, 1],
      [2000, STALE],
    ],
  },
  { labels: { __name__: "load é", i: "1" }, samples: [[1500, -0.25]] },
] as const;

function receiver(write: (request: WriteRequest) => Promise<WriteOutcome> = stored) {
  const written: string[] = [];
  const metrics = new Metrics();
  const store = {
    writtenSeries: 0,
    writeRequest: async (request: WriteRequest) => {
      written.push(...textsOf(request));
      return await write(request);
    },
  };
  return {
    written,
    metrics,
    remote: new WriteReceiver({ store, metrics }, { requestBytesMax: 4096 }),
  };
}

async function stored({ times }: WriteRequest): Promise<WriteOutcome> {
  return { kind: "written", samples: times.length, repeated: 0, refused: [] };
}

function textsOf({ keys, labelsOf, starts, times, values }: WriteRequest): string[] {
  const bits = columnBits(values.slice());
  return keys.map((key, i) => {
    const samples: string[] = [];
    for (let at = starts[i] ?? 0; at < (starts[i + 1] ?? 0); at += 1) {
      samples.push(`${times[at]}=${isStale(bits, at) ? "stale" : values[at]}`);
    }
    return `${formatLabels(labelsOf(key))} ${samples.join(" ")}`;
  });
}

const send = (remote: WriteReceiver, bytes: Uint8Array, type = "", encoding = "snappy") =>
  remote.write({ bytes, type, encoding });

test.each([
  ["1.0", "", writeV1(SERIES)],
  ["1.0, by its name", "application/x-protobuf;proto=prometheus.WriteRequest", writeV1(SERIES)],
  ["2.0", V2_TYPE, writeV2(SERIES)],
])("a request of version %s is taken apart, markers to the bit", async (_version, type, body) => {
  const { remote, written } = receiver();
  const answer = await send(remote, snappyBlock(body), type);
  expect(answer).toEqual({ status: 204, text: "", samplesWritten: 3 });
  expect(written).toEqual(['up{job="node"} 1000=1 2000=stale', 'load é{i="1"} 1500=-0.25']);
});

test("exemplars and native histograms are counted and left out", async () => {
  const { remote, metrics } = receiver();
  const v2 = writeV2(SERIES.slice(0, 1), field(3, []), field(3, []), field(4, []));
  expect(await send(remote, snappyBlock(v2), V2_TYPE)).toMatchObject({ status: 204 });
  const v1 = writeV1(
    [],
    field(1, [field(1, [field(1, "__name__"), field(2, "x")]), field(3, []), field(4, [])]),
  );
  expect(await send(remote, snappyBlock(v1))).toMatchObject({ status: 204, samplesWritten: 0 });
  const leftOut = metrics
    .samples()
    .filter(({ name }) => name === "telltale_remote_write_left_out_total");
  expect(leftOut.map(({ labels, value }) => [labels.at(-1), value])).toEqual([
    ["exemplar", 2],
    ["native_histogram", 3],
  ]);
});

test("what senders say of their metrics is kept, of either version", async () => {
  const { remote } = receiver();
  const help = [field(2, "up"), field(4, "Is it up."), field(5, "s"), integer(1, 2)];
  await send(remote, snappyBlock(writeV1([], field(3, help))));
  const symbols = ["", "__name__", "jobs", "Jobs."].map((text) => field(4, text));
  const metadata = field(5, [integer(1, 1), integer(3, 3)]);
  const series = field(5, [integer(1, 1), integer(1, 2), metadata]);
  await send(remote, snappyBlock(Buffer.concat([...symbols, series])), V2_TYPE);
  const all = { metric: "", limit: null, limitPerMetric: null };
  expect(remote.metadata.read(all)).toEqual([
    ["up", [{ type: "gauge", help: "Is it up.", unit: "s" }]],
    ["jobs", [{ type: "counter", help: "Jobs.", unit: "" }]],
  ]);
  expect(remote.metadata.read({ ...all, metric: "jobs" })).toHaveLength(1);
  expect(remote.metadata.read({ ...all, limit: 1 })).toHaveLength(1);
});

test.each([
  [400, "no Snappy block at all", Buffer.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff)],
  [413, "a block that says it holds 4 GB", snappyBlock(Buffer.of(1), 0xffffffff)],
  [413, "more than is allowed", snappyBlock(Buffer.alloc(5000))],
  [400, "less than it says", snappyBlock(writeV1(SERIES), 4000)],
  [400, "more than it says", snappyBlock(writeV1(SERIES), 20)],
  [400, "a message that is cut off", snappyBlock(writeV1(SERIES).subarray(0, 40))],
  [400, "a series longer than the message", snappyBlock(Buffer.of(0x0a, 0x7f, 1))],
])("%i for %s", async (status, _what, bytes) => {
  const { remote, written } = receiver();
  expect(await send(remote, bytes)).toMatchObject({ status, samplesWritten: null });
  expect(written).toEqual([]);
});

test.each([
  [415, "application/json", "snappy"],
  [415, "application/x-protobuf;proto=other.Request", "snappy"],
  [415, "application/x-protobuf", "gzip"],
])("%i for %s in %s", async (status, type, encoding) => {
  const { remote } = receiver();
  expect(await send(remote, snappyBlock(writeV1(SERIES)), type, encoding)).toMatchObject({
    status,
  });
});

test.each([
  ["symbols that are not there", field(5, [integer(1, 7), integer(1, 8)])],
  ["half a label", field(5, [integer(1, 0)])],
])("a 2.0 request with %s is refused", async (_what, series) => {
  const { remote } = receiver();
  const bytes = snappyBlock(Buffer.concat([field(4, ""), series]));
  expect(await send(remote, bytes, V2_TYPE)).toMatchObject({ status: 400 });
});

test("what can never be taken is answered 400 with reasons, a store that fails 500", async () => {
  const refused = [
    { reason: "out_of_order", samples: 2, detail: 'time 1 of up{job="node"}' },
  ] as const;
  const { remote, metrics } = receiver(async () => ({
    kind: "written",
    samples: 1,
    repeated: 0,
    refused,
  }));
  const answer = await send(remote, snappyBlock(writeV1(SERIES)));
  expect(answer).toEqual({
    status: 400,
    text: 'out of order sample, 2 samples: time 1 of up{job="node"}',
    samplesWritten: 1,
  });
  expect(metricTotal(metrics, "telltale_remote_write_left_out_total")).toBe(2);
  const failing = receiver(async () => {
    throw new OperationalError("STORAGE", "No space left on device");
  });
  const bytes = snappyBlock(writeV1(SERIES));
  expect(await send(failing.remote, bytes)).toMatchObject({ status: 500, samplesWritten: null });
});

test.each([
  [
    "a label twice",
    [
      ["__name__", "x"],
      ["a", "1"],
      ["a", "2"],
    ],
  ],
  ["no metric name", [["a", "1"]]],
  [
    "a label without a name",
    [
      ["__name__", "x"],
      ["", "1"],
    ],
  ],
  [
    "a name of 257 characters",
    [
      ["__name__", "x"],
      ["a".repeat(257), "1"],
    ],
  ],
])("labels with %s cannot be stored", async (_what, pairs) => {
  const labels = pairs.map(([name = "", value = ""]) =>
    field(1, [field(1, name), field(2, value)]),
  );
  const { remote } = receiver();
  const body = snappyBlock(field(1, labels));
  await expect(send(remote, body)).resolves.toMatchObject({
    status: 400,
    text: expect.stringMatching(/^invalid labels/),
  });
});
