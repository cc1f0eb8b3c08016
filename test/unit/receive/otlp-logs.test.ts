import { expect, test } from "vitest";
import { textMask } from "../../../agent/logs/text-mask.ts";
import { readJsonLogs } from "../../../agent/receive/otlp/json-logs.ts";
import { type AppendLines, OtlpLogs } from "../../../agent/receive/otlp/otlp-logs.ts";
import { readProtobufLogs } from "../../../agent/receive/otlp/protobuf-logs.ts";
import { formatLabels, NO_LABELS } from "../../../shared/model/labels.ts";
import { Metrics } from "../../../shared/telemetry/metrics.ts";
import { BlockEncoder, parseBlock } from "../../../shared/wire/line-block.ts";
import { LineTable } from "../../../shared/wire/line-table.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { metricTotal } from "../../support/metric-total.ts";
import { field, fixed64, integer } from "../../support/proto-writer.ts";

const NEVER = new AbortController().signal;

/** Lines as a block has them. */
function logBed(
  lineBytesMax = 1000,
  mask: (text: Uint8Array, isCut: boolean) => Uint8Array = (text) => text,
) {
  const clock = new FakeClock();
  const batches: number[] = [];
  const lines: string[][] = [];
  const append: AppendLines = async (batch) => {
    batches.push(batch.length);
    const bytes = new BlockEncoder().encode(1, clock.nowMs(), LineTable.of(batch).sources);
    for (const { labels, lines: stored } of parseBlock(bytes).sources) {
      for (const { timeUs, bytes: text, metadata = NO_LABELS } of stored) {
        const sinceMs = timeUs / 1000 - clock.nowMs();
        const about = [formatLabels(labels), formatLabels(metadata), String(sinceMs)];
        lines.push([Buffer.from(text).toString(), ...about]);
      }
    }
  };
  const options = { labels: { env: "test" }, lineBytesMax, mask };
  const otlp = new OtlpLogs({ clock, metrics: new Metrics(), append }, options);
  const at = (ms: number) => `${clock.nowMs() + ms}000000`;
  const send = (logRecords: object[], resource: Record<string, string> = {}) => {
    const attributes = Object.entries(resource).map(([key, stringValue]) => ({
      ...{ key, value: { stringValue } },
    }));
    const scopeLogs = [{ scope: { name: "lib" }, logRecords }];
    const body = { resourceLogs: [{ resource: { attributes }, scopeLogs }] };
    return otlp.take(Buffer.from(JSON.stringify(body)), readJsonLogs, NEVER);
  };
  return { clock, batches, lines, send, at, otlp };
}

test("a record is a line of the service's stream; what differs from line to line is metadata", async () => {
  const { lines, send, at } = logBed();
  await send(
    [
      {
        ...{
          timeUnixNano: at(-5),
          severityNumber: 17,
          severityText: "Err",
          spanId: "00F067AA0BA902B7",
        },
        ...{ traceId: "4bf92f3577b34da6a3ce929d0e0e4736", body: { stringValue: "it\nfailed" } },
        attributes: [{ key: "request.id", value: { intValue: "9007199254740993" } }],
      },
      {
        observedTimeUnixNano: at(-3),
        body: { kvlistValue: { values: [] } },
        severityNumber: "SEVERITY_NUMBER_INFO2",
      },
      { eventName: "started" },
    ],
    {
      "service.name": "shop",
      "service.namespace": "web",
      "service.instance.id": "1",
      "host.name": "h1",
      "process.pid": "7",
      "telemetry.sdk.name": "x",
    },
  );
  const stream = '{env="test", job="web/shop", service="shop", service_instance_id="1"}';
  const common = 'host_name="h1"';
  expect(lines).toEqual([
    [
      "it\nfailed",
      stream,
      `{detected_level="error", ${common}, request_id="9007199254740993", scope_name="lib", severity_text="Err", span_id="00f067aa0ba902b7", trace_id="4bf92f3577b34da6a3ce929d0e0e4736"}`,
      "-5",
    ],
    ["{}", stream, `{detected_level="info", ${common}, scope_name="lib"}`, "-3"],
    ["started", stream, `{event_name="started", ${common}, scope_name="lib"}`, "0"],
  ]);
});

test("records of 1970 and of next year are left out, and long ones are cut", async () => {
  const { lines, send, at } = logBed(10);
  const rejected = await send([
    { timeUnixNano: "1000000", body: { stringValue: "a" } },
    { timeUnixNano: at(365 * 86_400_000), body: { stringValue: "b" } },
    { body: { stringValue: "0123456789abc" } },
  ]);
  expect(rejected).toEqual({ count: 2, reason: "old, future" });
  expect(lines.map(([text, stream]) => [text, stream])).toEqual([
    ["0123456789", '{env="test", job="otlp"}'],
  ]);
});

test("a thousand instances are streams, further ones share one", async () => {
  const { lines, otlp } = logBed();
  const texts = (of: Record<string, string>) =>
    Object.entries(of).map(([key, stringValue]) => ({ key, value: { stringValue } }));
  const resourceLogs = Array.from({ length: 1002 }, (_, i) => {
    const attributes = texts({ "service.name": "shop", "service.instance.id": String(i) });
    const logRecords = [{ body: { stringValue: String(i) } }];
    return { resource: { attributes }, scopeLogs: [{ logRecords }] };
  });
  await otlp.take(Buffer.from(JSON.stringify({ resourceLogs })), readJsonLogs, NEVER);
  expect(new Set(lines.map(([, stream]) => stream)).size).toBe(1001);
  expect(lines.at(-1)?.[1]).toBe('{env="test", job="shop", service="shop"}');
  expect(lines.at(-1)?.[2]).toContain('service_instance_id="1001"');
});

test("what is said of a line is bounded, and can be stored", async () => {
  const { lines, send, batches } = logBed();
  const attribute = (i: number) => ({
    ...{ key: `k${i}`, value: { stringValue: "\ud800\u0000".repeat(2100) } },
  });
  await send([
    { body: { stringValue: "x" }, attributes: Array.from({ length: 20 }, (_, i) => attribute(i)) },
  ]);
  const metadata = lines[0]?.[2] ?? "";
  expect(metadata.length).toBeGreaterThan(30_000);
  expect(metadata.length).toBeLessThan(40_000);
  expect(metadata).toContain("\ufffd");
  const attributes = Array.from({ length: 9 }, (_, i) => attribute(i));
  await send(
    Array.from({ length: 20 }, () => ({ body: { stringValue: "y".repeat(900) }, attributes })),
  );
  expect(batches.length).toBeGreaterThan(2); // in several blocks
  expect(lines.length).toBe(21);
});

test("in protobuf it is the same", async () => {
  const { otlp, clock, lines } = logBed();
  const text = (key: string, value: string) => [field(1, key), field(2, [field(1, value)])];
  const record = [
    fixed64(1, BigInt(clock.nowMs()) * 1_000_000n),
    integer(2, 13),
    field(5, [field(6, [field(1, [field(1, "n"), field(2, [integer(3, 1)])])])]),
    field(6, text("a.b", "c")),
    field(9, Buffer.alloc(16)),
    field(10, Buffer.from("0102030405060708", "hex")),
  ];
  const scope = field(2, [field(2, record), field(1, [field(1, "lib")])]);
  const bytes = field(1, [scope, field(1, [field(1, text("service.name", "shop"))])]);
  await otlp.take(bytes, readProtobufLogs, NEVER);
  expect(lines).toEqual([
    [
      '{"n":1}',
      '{env="test", job="shop", service="shop"}',
      '{a_b="c", detected_level="warn", scope_name="lib", span_id="0102030405060708"}',
      "0",
    ],
  ]);
});

test("secrets are masked as those of tailed lines, in texts and in what is said beside them", async () => {
  const metrics = new Metrics();
  const mask = await textMask(
    { mask: true, mask_rules: [{ name: "id", pattern: "id-(\\d+)" }] },
    metrics,
  );
  const { lines, send, at } = logBed(1000, mask);
  const of = (key: string, stringValue: string) => ({ key, value: { stringValue } });
  await send(
    [
      {
        timeUnixNano: at(0),
        body: { stringValue: "login password=hunter2secret of id-77" },
        attributes: [
          of("db.password", "hunter2secret"),
          of("url", "https://ann:hunter2secret@shop.example/"),
          of("request", "42"),
        ],
      },
      {
        timeUnixNano: at(0),
        body: {
          stringValue:
            "key:\n-----BEGIN PRIVATE KEY-----\nhunter2secret\n-----END PRIVATE KEY-----",
        },
      },
    ],
    { "service.name": "shop", "process.note": "n", api_key: "hunter2secretkey" },
  );
  const all = lines.flat().join("\n");
  expect(all).not.toContain("hunter2");
  expect(all).not.toContain("77");
  expect(all).toContain("<masked:password>");
  expect(all).toContain("<masked:private-key>");
  expect(all).toContain("<masked:id>");
  expect(all).toContain('request="42"');
  expect(metricTotal(metrics, "telltale_agent_log_masked_total")).toBeGreaterThanOrEqual(5);
});
