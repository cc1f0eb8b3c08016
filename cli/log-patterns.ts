import { createReadStream } from "node:fs";
import { type Command, InvalidArgumentError, Option } from "commander";
import { errorMessage, OperationalError } from "../shared/errors.ts";
import { templateOf } from "../shared/log-patterns/miner.ts";
import type { Pattern } from "../shared/log-patterns/pattern.ts";
import type { CommandContext, GlobalOptions } from "./command.ts";
import { countOf } from "./format.ts";
import { type MinedLines, mineLines } from "./mined-lines.ts";
import { type Column, formatTable } from "./table.ts";
import { paintFor, type Terminal } from "./terminal.ts";

type Options = GlobalOptions & { readonly file: string; readonly limit?: number };

/** Lines of JSON that are written at once. */
const BLOCK_LINES = 1000;
const TEMPLATE_LENGTH_MAX = 200;

export function addLogPatternsCommand(context: CommandContext, logs: Command): void {
  logs
    .command("patterns")
    .description("Groups the lines of a file by what they have in common; needs no aggregator")
    .addOption(
      new Option("--file <file>", "what to read; - is standard input").makeOptionMandatory(),
    )
    .addOption(
      new Option(
        "-n, --limit <count>",
        "how many patterns to show, the most frequent first",
      ).argParser(parseLimit),
    )
    .addHelpText(
      "after",
      `
In a pattern <*> stands for what varies. Each line of the file, an empty one too, has one pattern.
JSON: {"line": 1, "pattern": "id"} for each line, then {"pattern", "template", "count"} for each pattern.

Examples:
  $ telltale logs patterns --file /var/log/syslog --limit 20
  $ journalctl -b | telltale logs patterns --file -
  $ telltale logs patterns --file app.log --output json | jq 'select(.template)'`,
    )
    .action(async (_options, command: Command) => {
      const { file, limit, output } = command.optsWithGlobals<Options>();
      const mined = await mineLines(chunksOf(file));
      const patterns = mined.patterns().slice(0, limit);
      if (output === "json") writeJson(mined, patterns, context.terminal);
      else context.terminal.write(patternsText(mined, patterns, context.terminal));
    });
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

function shortened(text: string): string {
  return text.length <= TEMPLATE_LENGTH_MAX ? text : `${text.slice(0, TEMPLATE_LENGTH_MAX - 1)}…`;
}

function parseLimit(text: string): number {
  const limit = Number(text);
  if (Number.isSafeInteger(limit) && limit > 0) return limit;
  throw new InvalidArgumentError("It is a whole number from 1.");
}
