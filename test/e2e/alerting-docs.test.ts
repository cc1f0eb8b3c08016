import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { parse } from "yaml";
import { INTEGRATION_KINDS } from "../../aggregator/notify/integrations/registry.ts";
import {
  Bed,
  eventually,
  freePorts,
  killAtExit,
  Program,
  runProgram,
} from "../support/programs.ts";

/** docs/alerting.md: its files are loaded and its commands run, with ports and paths of the test. */

const FIRST_PART = "The first alert in five minutes";
const START = "npm start";

type Block = { readonly part: string; readonly language: string; readonly text: string };

const PAGE = readFileSync(join(import.meta.dirname, "../../docs/alerting.md"), "utf8");
const BLOCKS: readonly Block[] = PAGE.split(/^## /m).flatMap((section) => {
  const [part = ""] = section.split("\n", 1);
  const fences = section.matchAll(/^```(\w*)\n(.*?)^```$/gms);
  return [...fences].map(([, language = "", text = ""]) => ({ part, language, text }));
});
const YAML = BLOCKS.filter(({ language }) => language === "yaml").map(({ text }) => text);
const COMMANDS = BLOCKS.filter(({ language }) => language === "sh");
const FIRST_COMMANDS = COMMANDS.filter(({ part }) => part === FIRST_PART).map(({ text }) => text);
const OTHER_COMMANDS = COMMANDS.filter(({ part }) => part !== FIRST_PART).map(({ text }) => text);
const ROUTINGS = YAML.filter((text) => "receivers" in parse(text));
const RULES = YAML.filter((text) => "groups" in parse(text));

/** The block whose first line is a comment with this name. */
function fileOfPage(name: string): string {
  const found = YAML.find((text) => text.startsWith(`# ${name}\n`));
  if (found === undefined) throw new Error(`docs/alerting.md has no file ${name}`);
  return found;
}

/** The files that a routing names: what they hold depends on what they are for. */
function writeNamedFiles(bed: Bed, routing: string): void {
  for (const [, key = "", path = ""] of routing.matchAll(/(\w+_file): ([^\s,}]+)/g)) {
    bed.write(path, key.endsWith("url_file") ? "https://example.com/secret\n" : "secret\n");
  }
}

/** The routings as whole files. Examples of receivers alone become one, and get a route. */
function wholeRoutings(): string[] {
  const heading = "receivers:\n";
  const examples = ROUTINGS.filter((text) => text.startsWith(heading));
  const others = ROUTINGS.filter((text) => !examples.includes(text));
  const together = heading + examples.map((text) => text.slice(heading.length)).join("");
  return [together, ...others].map((text) => {
    const { route, receivers } = parse(text);
    return route === undefined ? `route: { receiver: ${receivers[0].name} }\n${text}` : text;
  });
}

test("the page has blocks of every kind, and each is of a kind that is tested", () => {
  expect(ROUTINGS.length).toBeGreaterThan(20);
  expect(RULES.length).toBeGreaterThan(2);
  const others = YAML.filter((text) => !ROUTINGS.includes(text) && !RULES.includes(text));
  expect(others.map((text) => text.split("\n")[0])).toEqual([
    "# prometheus.yml",
    "# prometheus.yml",
  ]);
  expect([...new Set(BLOCKS.map(({ language }) => language))].sort()).toEqual(["", "sh", "yaml"]);
});

test("there is an example of every kind of receiver", () => {
  const receivers: object[] = ROUTINGS.flatMap((text) => parse(text).receivers);
  const shown = new Set(receivers.flatMap((receiver) => Object.keys(receiver)));
  expect([...INTEGRATION_KINDS.keys()].filter((key) => !shown.has(key))).toEqual([]);
});

test("every routing of the page is accepted by --check-config", async () => {
  await using bed = await Bed.open();
  const [template = ""] = BLOCKS.filter(({ language }) => language === "").map(({ text }) => text);
  bed.write("templates/team.tmpl", template);
  for (const text of wholeRoutings()) {
    writeNamedFiles(bed, text);
    const file = bed.write("notify.yaml", text);
    const rules = bed.path("rules/*.yaml");
    const args = ["--check-config", "--notify", file, "--rules", rules];
    const { code, errors } = await runProgram("aggregator", args);
    expect([code, errors], text).toEqual([0, ""]);
  }
});

test("every rule file of the page is accepted by telltale rules check", async () => {
  await using bed = await Bed.open();
  const files = RULES.map((text, i) => bed.write(`checked/${i}.yaml`, text));
  const { code, output, errors } = await runProgram("cli", ["rules", "check", ...files]);
  expect([code, errors], output).toEqual([0, ""]);
});

test("Prometheus is pointed at the port of the HTTP API", () => {
  const settings = YAML.filter((text) => text.startsWith("# prometheus.yml\n")).map(
    (text) => parse(text).alerting.alertmanagers,
  );
  expect(settings[0]).toEqual([{ static_configs: [{ targets: ["localhost:7071"] }] }]);
  expect(settings[1]).toMatchObject([{ scheme: "https", static_configs: [{}] }]);
});

/** What somebody has in front of him who follows the page. */
class Desk implements AsyncDisposable {
  readonly bed: Bed;
  readonly #hookPort: number;
  /** What the receiver of the page printed. */
  printed = "";

  private constructor(bed: Bed, hookPort: number) {
    this.bed = bed;
    this.#hookPort = hookPort;
  }

  static async open(): Promise<Desk> {
    const [hookPort] = await freePorts();
    return new Desk(await Bed.open(), hookPort);
  }

  #withPorts(text: string): string {
    return text
      .replaceAll("7071", String(this.bed.httpPort))
      .replaceAll("9000", `${this.#hookPort}`);
  }

  writeFiles(): void {
    for (const name of ["data/rules/first.yaml", "data/notify.yaml"]) {
      this.bed.write(name, this.#withPorts(fileOfPage(name)));
    }
  }

  startReceiver(command: string): void {
    const child = spawn("bash", ["-c", `exec ${this.#withPorts(command)}`], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    killAtExit(child);
    onTestFinished(async () => {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    });
    child.stdout.on("data", (chunk) => {
      this.printed += chunk;
    });
  }

  /** Like `npm start`, elsewhere. */
  async start(): Promise<void> {
    const { bed } = this;
    await bed.startReadyAggregator([
      `--rules=${bed.path("data/rules/*.yaml")}`,
      `--notify=${bed.path("data/notify.yaml")}`,
    ]);
    bed.start("agent");
  }

  /** Runs the lines of a block in a shell; gives what they print. */
  async run(block: string): Promise<string> {
    const programs = (["cli", "aggregator"] as const).map((folder) => {
      const name = folder === "cli" ? "telltale" : "telltale-aggregator";
      return `${name}() { node '${Program.path(folder)}' "$@"; }`;
    });
    const script = ["set -e", ...programs, 'npx() { "$@"; }', this.#withPorts(block)];
    const { bed } = this;
    const env = {
      ...process.env,
      PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"]}`,
      TELLTALE_SERVER: bed.address,
      USER: "ann",
    };
    const options = { cwd: bed.directory, env };
    const { stdout } = await promisify(execFile)("bash", ["-c", script.join("\n")], options);
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.bed[Symbol.asyncDispose]();
  }
}

test("the first alert: it fires, arrives, is silenced, and its end arrives", async () => {
  await using desk = await Desk.open();
  const [receiver = "", start, look = "", silence = "", expire = "", ack = "", mend = "", ...more] =
    FIRST_COMMANDS;
  expect([start, more]).toEqual([`${START}\n`, []]);
  desk.startReceiver(receiver);
  desk.writeFiles();
  await desk.start();
  await eventually(() => /^firing \[ 'Load of n1 is [\d.]+' \]$/m.test(desk.printed));
  await eventually(async () => {
    const shown = await desk.run(look);
    return /firing +LoadIsHigh/.test(shown) && /hook +webhook +delivered .* 200\n/.test(shown);
  });
  const silenced = await desk.run(silence);
  const [id = ""] = silenced.split("\n");
  expect(id).toMatch(/^[\da-f-]{36}$/);
  expect(silenced).toContain("trying it");
  const alerts = silenced.split("\n").find((line) => line.startsWith("[{")) ?? "[]";
  expect(JSON.parse(alerts)).toMatchObject([{ status: { state: "suppressed", silencedBy: [id] } }]);
  await desk.run(expire.replace("ID", id));
  await desk.run(ack);
  await desk.run(mend);
  await eventually(() => /^resolved \[ 'Load of n1 is /m.test(desk.printed));
});

const withAmtool = OTHER_COMMANDS.filter((text) => text.startsWith("amtool"));
const hasAmtool = spawnSync("amtool", ["--version"]).status === 0;

test("the other commands of the page run while the first alert fires", async () => {
  await using desk = await Desk.open();
  desk.startReceiver(FIRST_COMMANDS[0] ?? "");
  desk.writeFiles();
  await desk.start();
  await eventually(() => desk.printed.startsWith("firing"));
  desk.bed.write("notify.yaml", fileOfPage("data/notify.yaml"));
  const blocks = OTHER_COMMANDS.filter((text) => !withAmtool.includes(text));
  expect(blocks.length).toBeGreaterThan(4);
  for (const block of blocks) expect(await desk.run(block), block).toEqual(expect.any(String));
});

test.skipIf(!hasAmtool)("amtool's commands run (skipped where it is not)", async () => {
  await using desk = await Desk.open();
  desk.writeFiles();
  await desk.start();
  expect(withAmtool).toHaveLength(1);
  const printed = await desk.run(withAmtool[0] ?? "");
  expect(printed).toMatch(/alertname="Backup".*ann.*new disk/);
});
