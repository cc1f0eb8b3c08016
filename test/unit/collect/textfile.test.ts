import { describe, expect, test } from "vitest";
import { BackgroundCollector } from "../../../agent/collect/background.ts";
import { parseTextFormat } from "../../../agent/collect/textfile/text-format.ts";
import { type TextfileOptions, textfileSource } from "../../../agent/collect/textfile/textfile.ts";
import { OperationalError } from "../../../shared/errors.ts";
import { settle } from "../../support/fake-clock.ts";
import { MemoryLogger } from "../../support/memory-logger.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { checkMutated, mayRefuse } from "./mutated.ts";
import { collectContext } from "./recording-sink.ts";

const GOOD = `# HELP job_last_success Last \\\\ success\\nof it.
# TYPE job_last_success gauge
job_last_success{name="a\\"b\\\\c\\n",other=""} 1.5e9

# a comment
#TYPE bytes_total counter
  bytes_total{x="1",} +Inf
bytes_total	{x="2"}	-Inf
plain NaN
# TYPE took histogram
took_bucket{le="0.5"} 1
took_bucket{le="+Inf"} 2
took_sum 0.7
took_count 2
# TYPE size summary
size{quantile="0.5"} .5
size_sum 5.
size_count 2
`;

const parse = (text: string) => parseTextFormat(Buffer.from(text));

describe("the text format", () => {
  test("all of it", () => {
    const families = parse(GOOD);
    expect(families.map(({ name, type, samples }) => [name, type, samples.length])).toEqual([
      ["job_last_success", "gauge", 1],
      ["bytes_total", "counter", 2],
      ["plain", "untyped", 1],
      ["took", "histogram", 4],
      ["size", "summary", 3],
    ]);
    expect(families[0]?.help).toBe("Last \\ success\nof it.");
    expect(families[0]?.samples[0]?.labels).toEqual(["name", 'a"b\\c\n']);
    expect(families[1]?.samples.map(({ value }) => value)).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ]);
    expect(families[2]?.samples[0]?.value).toBeNaN();
  });

  test.each([
    ["has a timestamp", "x 1 1700000000000\n"],
    ["not for files", 'x{__name__="y"} 1\n'],
    ["unknown type", "# TYPE x rate\n"],
    ["unknown type", "# TYPE x gauge\r\n"],
    ["second TYPE", "# TYPE x gauge\n# TYPE x gauge\n"],
    ["second HELP", "# HELP x a\n# HELP x b\n"],
    ["behind its samples", "x 1\n# TYPE x gauge\n"],
    ["same labels twice", 'x{a="1",b="2"} 1\nx{b="2",a="1"} 2\n'],
    ["without a suffix", "# TYPE h histogram\nh 1\n"],
    ["no bound", "# TYPE h histogram\nh_bucket 1\n"],
    ["no quantile", "# TYPE s summary\ns 1\n"],
    ["Line 5001: more than 5000", Array.from({ length: 5001 }, (_, i) => `x${i} 1\n`).join("")],
  ])("what is refused says why: %s", (why, text) => {
    expect(() => parse(text)).toThrow(OperationalError);
    expect(() => parse(text)).toThrow(why);
  });

  test("mutated text gives families or is refused, and ends", () => {
    const words = ["{", "}", '"', "\\", "\n", "#", " 1", "# TYPE x gauge\n"];
    const check = (bytes: Buffer) =>
      mayRefuse(() => {
        for (const { name } of parseTextFormat(bytes)) expect(name).toMatch(/^[a-zA-Z_:]/);
      });
    checkMutated(GOOD, check, { words });
  });

  test("a megabyte of a hostile line, and of hostile lines, is refused quickly", () => {
    for (const piece of ['x{a="\\', " \t", "# HELP ", '{"', "\\\\"]) {
      const text = piece.repeat(1_000_000 / piece.length);
      mayRefuse(() => parse(`${text}\n`));
      mayRefuse(() => parse(`${text.replace(/.{100}/g, "$&\n")}\n`));
    }
  }, 5000);
});

const DIRECTORY = "/var/lib/prometheus/node-exporter";

async function collect(
  files: Record<string, string>,
  options: TextfileOptions = {},
  prepare: (disk: MemoryDisk) => void = () => undefined,
) {
  const context = collectContext();
  const entries = Object.entries(files).map(([name, text]) => [`${DIRECTORY}/${name}`, text]);
  const disk = new MemoryDisk(Object.fromEntries(entries));
  prepare(disk);
  const collector = new BackgroundCollector(context, textfileSource("/", options), disk);
  collector.collect(0);
  await settle();
  const values = Object.fromEntries(context.sink.tick(collector, 1));
  return { values, families: collector.families, error: values[ERROR] };
}

const ERROR = 'node_textfile_scrape_error{job="node"}';
const mtime = (name: string) =>
  `node_textfile_mtime_seconds{file="${DIRECTORY}/${name}", job="node"}`;

describe("text files", () => {
  test("their metrics, and when they were written; other files are passed over", async () => {
    const { values, families } = await collect(
      { "a.prom": 'backup_ok{job="db",host="x"} -1.5\n', "b.txt": "junk", "c.prom.tmp": "junk" },
      {},
      (disk) => disk.mtimesMs.set(`${DIRECTORY}/a.prom`, 1_700_000_000_250.4),
    );
    expect(values).toEqual({
      'backup_ok{exported_job="db", host="x", job="node"}': -1.5,
      [mtime("a.prom")]: 1_700_000_000.25,
      [ERROR]: 0,
    });
    expect(families[0]).toMatchObject({ name: "backup_ok", type: "gauge" });
  });

  test.each([
    ["malformed", "b 1\nc\n"],
    ["with a metric of ours", "b 1\nnode_load1 5\n"],
    ["with a reserved name", "container_last_seen 5\n"],
    ["with a metric that has another type before", '# TYPE a counter\na{x="1"} 1\n'],
    ["too large", `# ${"x".repeat(1024 * 1024)}\n`],
  ])("one %s is refused as a whole, the others stand", async (_, text) => {
    const isTaken = (metric: string) => metric === "node_load1";
    const { values } = await collect({ "a.prom": "a 1\n", "b.prom": text }, { isTaken });
    expect(values).toEqual({ 'a{job="node"}': 1, [mtime("a.prom")]: 0, [ERROR]: 1 });
  });

  test("a series that two files give is the first's, and an error", async () => {
    const { values } = await collect({ "a.prom": "a 1\n", "b.prom": "a 2\nb 2\n" });
    expect(values['a{job="node"}']).toBe(1);
    expect(values[ERROR]).toBe(1);
  });

  test("one that may not be read is an error", async () => {
    const { error } = await collect({ "a.prom": "a 1\n" }, {}, (disk) =>
      disk.denied.add(`${DIRECTORY}/a.prom`),
    );
    expect(error).toBe(1);
  });

  test("the log says which file is refused, at which line and why: once until it changes", async () => {
    const logger = new MemoryLogger();
    const bad = `${DIRECTORY}/b.prom`;
    const disk = new MemoryDisk({ [`${DIRECTORY}/a.prom`]: "a 1\n", [bad]: "b 1\nc\n" });
    const collector = new BackgroundCollector(
      collectContext(),
      textfileSource("/", { logger }),
      disk,
    );
    let nowMs = 0;
    const readAgain = async (text: string) => {
      logger.lines.length = 0;
      disk.files.set(bad, text);
      collector.collect(nowMs);
      nowMs += 60_000;
      await settle();
      return logger.lines.map(({ level, fields, message }) => [level, fields, message]);
    };
    const refused = (error: string) => [["warn", { file: bad, error }, "text file refused"]];
    expect(await readAgain("b 1\nc\n")).toEqual(refused("Line 2: no value"));
    expect(await readAgain("b 2\nc\n")).toEqual([]);
    expect(await readAgain("b 1\nc 1 17\n")).toEqual(refused("Line 2: c has a timestamp"));
    expect(await readAgain("up 1\n")).toEqual(refused("up is a metric of the agent's own"));
    expect(await readAgain("a 2\n")).toEqual(
      refused("Series left out: another file has them, or they are over 20000"),
    );
    expect(await readAgain("b 25e-2\n")).toEqual([
      ["info", { file: bad }, "text file no longer refused"],
    ]);
    expect(await readAgain("b 3\n")).toEqual([]);
  });

  test("labels that are ours are renamed, and none is lost by it", async () => {
    const { values } = await collect({ "a.prom": 'a{job="1",exported_job="2"} 1\n' });
    expect(values['a{exported_exported_job="1", exported_job="2", job="node"}']).toBe(1);
  });

  test("more files than are read are an error", async () => {
    const files = Array.from({ length: 201 }, (_, i) => [`${i}.prom`, `a${i} 1\n`]);
    expect((await collect(Object.fromEntries(files))).error).toBe(1);
  });

  test("a directory that is configured must be there, the default one need not", async () => {
    expect((await collect({})).values).toEqual({});
    expect((await collect({}, { directory: "/etc/prom" })).values).toEqual({ [ERROR]: 1 });
  });
});
