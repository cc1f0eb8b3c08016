import { createReadStream } from "node:fs";
import type { Command } from "commander";
import { errorMessage, OperationalError } from "../shared/errors.ts";
import { templateOf } from "../shared/log-patterns/miner.ts";
import type { Pattern } from "../shared/log-patterns/pattern.ts";
import { type CommandContext, type GlobalOptions, runCommand } from "./command.ts";
import { countOf } from "./format.ts";
import { type KeptPatternsOptions, printKeptPatterns, shortened } from "./kept-patterns.ts";
import { type MinedLines, mineLines } from "./mined-lines.ts";
import { type Column, formatTable } from "./table.ts";
import { paintFor, type Terminal } from "./terminal.ts";

type Options = GlobalOptions & KeptPatternsOptions & { readonly file?: string };

/** Lines of JSON that are written at once. */
const BLOCK_LINES = 1000;

export function addLogPatternsCommand(context: CommandContext, logs: Command): void {
  logs
    .command("patterns")
    .description("Groups lines by what they have in common: those of streams, or of a file")
    .argument("[selector]", 'streams, such as {service="shop"}; none: all')
    .option("--file <file>", "groups the lines of a file, with no aggregator; - is standard input")
    .addHelpText(
      "after",
      `
--since, --until and --limit are those of "telltale logs", and the most frequent patterns are shown.
Counts are kept by 5 minutes, after a day by hours.
In a pattern <*> stands for what varies. Each line has one pattern, so that the counts add up.
A pattern that no line had before the time is green in the column FIRST.
JSON of a file: {"line": 1, "pattern": "id"} for each line, then {"pattern", "template", "count"}.

Examples:
  $ telltale logs patterns '{service="shop"}' --since 6h
  $ telltale logs patterns --file /var/log/syslog --limit 20
  $ journalctl -b | telltale logs patterns --file -
  $ telltale logs patterns --file app.log --output json | jq 'select(.template)'`,
    )
    .action(async (selector: string | undefined, _options, command: Command) => {
      const options = command.optsWithGlobals<Options>();
      if (options.file !== undefined) {
        if (selector === undefined) return await printMined(options.file, options, context);
        throw new OperationalError("USAGE", "A selector and --file exclude each other");
      }
      await runCommand(context, command, (run) => printKeptPatterns(selector ?? "", options, run));
    });
}

async function printMined(
  file: string,
  { limit, output }: Options,
  { terminal }: CommandContext,
): Promise<void> {
  const mined = await mineLines(chunksOf(file));
  const patterns = mined.patterns().slice(0, limit);
  if (output === "json") writeJson(mined, patterns, terminal);
  else terminal.write(patternsText(mined, patterns, terminal));
}

/** @throws OperationalError USAGE when the file cannot be read */
async function* chunksOf(file: string): AsyncGenerator<Uint8Array> {
  try {
    yield* file === "-" ? process.stdin : createReadStream(file);
  } catch (error) {
    throw new OperationalError("USAGE", errorMessage(error), { cause: error });
  }
}

function writeJson(mined: MinedLines, patterns: readonly Pattern[], { write }: Terminal): void {
  let block: string[] = [];
  let line = 0;
  for (const pattern of mined.patternOfEachLine()) {
    line += 1;
    block.push(`{"line":${line},"pattern":"${pattern}"}\n`);
    if (block.length < BLOCK_LINES) continue;
    write(block.join(""));
    block = [];
  }
  for (const pattern of patterns) {
    const { id, count } = pattern;
    const template = templateOf(pattern);
    block.push(`${JSON.stringify({ pattern: id, template, count })}\n`);
  }
  write(block.join(""));
}

function patternsText(mined: MinedLines, patterns: readonly Pattern[], terminal: Terminal): string {
  if (mined.lines === 0) return "There are no lines.\n";
  const columns: readonly Column<Pattern>[] = [
    { title: "COUNT", align: "right", cell: ({ count }) => String(count) },
    { title: "SHARE", align: "right", cell: ({ count }) => shareText(count / mined.lines) },
    { title: "PATTERN", cell: (pattern) => shortened(templateOf(pattern)) },
  ];
  const paint = paintFor(terminal);
  const all = mined.patterns().length;
  const rest = patterns.length < all ? `, of which ${patterns.length} are shown` : "";
  const total = `${countOf(mined.lines, "line")} in ${countOf(all, "pattern")}${rest}`;
  return `${formatTable(columns, patterns, paint)}${paint(total, "dim")}\n`;
}

function shareText(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
