import { randomInt } from "node:crypto";
import { createReadStream } from "node:fs";
import type { Readable } from "node:stream";
import { Command, InvalidArgumentError, Option } from "commander";
import { errorMessage, OperationalError } from "../../shared/errors.ts";
import { sampleText } from "../../shared/model/go-number.ts";
import { compareText, type Labels, labelsRecord } from "../../shared/model/labels.ts";
import { EXIT_USAGE } from "../../shared/platform/command.ts";
import { nodeClock } from "../../shared/platform/node.ts";
import { withDeadline } from "../../shared/time/deadline.ts";
import { BodyRoom } from "../model/body-room.ts";
import { HttpGets } from "../scrape/http/http-gets.ts";
import { PLAIN_HTTP } from "../scrape/http/plain-http.ts";
import type { JsonField } from "../scrape/json/json-field.ts";
import { jsonPage } from "../scrape/json/json-page.ts";
import { parseJsonPath } from "../scrape/json/json-path.ts";
import { acceptedTypes, formatOfType } from "../scrape/page/page-format.ts";
import { PageMemory } from "../scrape/page/page-memory.ts";
import { sampleLine } from "../scrape/page/sample-line.ts";

/** `telltale-agent scrape`: one exposition, read as the agent reads those of its targets. */

const EXIT_UNREADABLE = 1;
const PATIENCE_MS = 10_000;
const BYTES_MAX = 64 * 1024 ** 2;
const LIMITS = {
  pageBytesMax: BYTES_MAX,
  samplesMax: 1_000_000,
  labelsMax: 1000,
  nameBytesMax: 64 * 1024,
  valueBytesMax: 1024 ** 2,
  seriesOfMetricMax: 1_000_000,
};
const PROTOCOLS = ["OpenMetricsText1.0.0", "PrometheusText0.0.4"] as const;
/** The end of an OpenMetrics page. */
const EOF_LINE = /(?:^|\n)# EOF\n?$/;

type Options = {
  readonly format?: "text" | "openmetrics";
  readonly fields: readonly JsonField[];
  readonly output: "text" | "json";
  readonly sort?: true;
};
type Page = { readonly bytes: Uint8Array; readonly format: "text" | "openmetrics" };
type Sample = {
  readonly labels: Labels;
  readonly type: string;
  readonly value: number;
  readonly timeMs: number;
};

await new Command("telltale-agent scrape")
  .description("Reads one exposition and prints its samples; stores nothing.")
  .argument("<source>", "a URL, a file, or - for standard input")
  .addOption(
    new Option(
      "--format <name>",
      "text or openmetrics (default: what Content-Type says; of a file, whether it ends with # EOF)",
    ).choices(["text", "openmetrics"]),
  )
  .addOption(
    new Option("--output <form>", "text or json").choices(["text", "json"]).default("text"),
  )
  .option("--fields <name=path>", "of an answer in JSON; can be given several times", addField, [])
  .option("--sort", "by name and labels instead of in the page's order")
  .addHelpText(
    "after",
    `
Examples:
  telltale-agent scrape http://localhost:9100/metrics
  telltale-agent scrape https://shop.example/metrics --sort | grep requests_total
  telltale-agent scrape page.txt --format openmetrics       is the file good? exit 0, or 1 and why
  telltale-agent scrape http://shop/status --fields 'response_time=$.response_time'
  curl -s localhost:9100/metrics | telltale-agent scrape - --output json

Exit codes: 0 when all of it was read, 1 with the line's number and what is wrong with it, 2 for a
wrong command line.`,
  )
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))
  .action(async (source: string, options: Options) => {
    try {
      await print(source, options);
    } catch (error) {
      if (!(error instanceof OperationalError)) throw error;
      tell(error.message.replace(/^Line (?=\d)/, "line "));
      process.exitCode = error.code === "USAGE" ? EXIT_USAGE : EXIT_UNREADABLE;
    }
  })
  .parseAsync();

async function print(source: string, options: Options): Promise<void> {
  const page = await pageOf(source);
  const format = options.format ?? page.format;
  const memory = new PageMemory(LIMITS, randomInt(2 ** 31));
  const json = options.fields.length === 0 ? null : jsonPage(page.bytes, options.fields);
  const reading = memory.read(json?.page ?? page.bytes, json === null ? format : "text");
  const samples = reading.added.map(({ labels, family }, i) => {
    const [value = 0, timeMs = Number.NaN] = [reading.values[i], reading.timesMs[i]];
    return { labels, type: family.type, value, timeMs };
  });
  const lines = samples.map((sample) => ({ line: lineOf(sample), sample }));
  if (options.sort === true) lines.sort((a, b) => compareText(a.line, b.line));
  if (options.output === "json") {
    const all = lines.map(({ sample }) => jsonOf(sample));
    process.stdout.write(`${JSON.stringify({ format, samples: all })}\n`);
  } else process.stdout.write(lines.map(({ line }) => `${line}\n`).join(""));
  for (const [reason, count] of json?.leftOut ?? []) {
    tell(`values left out, ${reason}: ${count}`);
  }
  if (reading.duplicates === 0) return;
  tell(`samples left out, because the page has their series further up: ${reading.duplicates}`);
}

/** @throws InvalidArgumentError, which the command line tells as a wrong usage */
function addField(given: string, before: readonly JsonField[]): JsonField[] {
  const [, name = "", text = ""] = /^([a-zA-Z_:][a-zA-Z0-9_:]*)=(.*)$/s.exec(given) ?? [];
  if (name === "") throw new InvalidArgumentError("Not NAME=PATH.");
  const path = parseJsonPath(text);
  if (typeof path === "string") throw new InvalidArgumentError(`The path ${path}.`);
  return [...before, { name, path, type: "gauge", unit: "", help: "", labels: null }];
}

async function pageOf(source: string): Promise<Page> {
  if (/^https?:\/\//i.test(source)) {
    if (!URL.canParse(source)) throw new OperationalError("USAGE", `${source} is no URL`);
    return await pageAt(source);
  }
  const stream = source === "-" ? process.stdin : createReadStream(source);
  const bytes = await bounded(stream).catch((error) => {
    if (error instanceof OperationalError) throw error;
    throw new OperationalError("NOT_FOUND", errorMessage(error), { cause: error });
  });
  const end = Buffer.from(bytes.subarray(-7)).toString("latin1");
  return { bytes, format: EOF_LINE.test(end) ? "openmetrics" : "text" };
}

/** As a target without a configuration is asked, but redirects are followed. */
async function pageAt(url: string): Promise<Page> {
  await using gets = new HttpGets(process.env);
  const lease = new BodyRoom().lease(); // of the only page
  const request = {
    url,
    headers: { accept: acceptedTypes(PROTOCOLS) },
    http: { ...PLAIN_HTTP, followRedirects: true },
    acceptsGzip: true,
    socketPath: null,
    bytesMax: BYTES_MAX,
    lease,
  };
  const late = () => new OperationalError("UNAVAILABLE", `No answer within ${PATIENCE_MS} ms`);
  const deadline = { clock: nodeClock, ms: PATIENCE_MS, late };
  const answer = await withDeadline(deadline, (ends) => gets.get(request, ends));
  const { status, contentType, body } = answer;
  if (status === 200) return { bytes: body, format: formatOfType(contentType) };
  throw new OperationalError("UNAVAILABLE", `${new URL(url).host} answers with status ${status}`);
}

/** @throws OperationalError LIMIT */
async function bounded(stream: Readable): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
    length += chunk.length;
    if (length > BYTES_MAX) {
      throw new OperationalError("LIMIT", `The page is longer than ${BYTES_MAX} bytes`);
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function lineOf({ labels, value, timeMs }: Sample): string {
  return sampleLine(labels, value, timeMs);
}

/** The value is a text: JSON has no NaN. */
function jsonOf({ labels, type, value, timeMs }: Sample): object {
  const sample = { labels: labelsRecord(labels), type, value: sampleText(value) };
  return Number.isNaN(timeMs) ? sample : { ...sample, timestampMs: timeMs };
}

function tell(what: string): void {
  process.stderr.write(`telltale-agent: ${what}\n`);
}
