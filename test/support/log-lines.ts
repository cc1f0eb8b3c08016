import { strict as assert } from "node:assert";
import { type Bed, runProgram } from "./programs.ts";

/** Beyond what one answer holds. */
const LIMIT = 5000;

/** The lines that the aggregator gives for a query, as the client prints them. */
export async function linesOf(bed: Bed, logql: string): Promise<string[]> {
  const args = [`--server=${bed.address}`, "--output=json", "logs", logql, `--limit=${LIMIT}`];
  const { code, output, errors } = await runProgram("cli", args);
  assert.equal(code, 0, errors);
  const rows = output.split("\n").filter((line) => line !== "");
  return rows.map((line) => String(JSON.parse(line).line));
}
