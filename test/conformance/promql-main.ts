import { join } from "node:path";
import { runFile, scriptFiles } from "./promql-corpus.ts";

/** `npm run conformance:promql -- DIR`: runs every `*.test` file of DIR. */
async function main(directory: string): Promise<boolean> {
  let passed = 0;
  let failed = 0;
  let native = 0;
  let byPresence = 0;
  let asRange = 0;
  let asRangeFailed = 0;
  for (const file of await scriptFiles(directory)) {
    const result = await runFile(directory, file);
    for (const { line, query, failure } of result.failed) {
      console.log(`${join(directory, file)}:${line}: ${query}: ${failure}`);
    }
    for (const { line, query, rangeFailure, isRangeChecked } of result.passed) {
      if (isRangeChecked) asRange += 1;
      if (rangeFailure === null) continue;
      asRangeFailed += 1;
      console.log(`${join(directory, file)}:${line}: as a range query: ${query}: ${rangeFailure}`);
    }
    passed += result.passed.length;
    failed += result.failed.length;
    for (const { line, query } of result.native) {
      console.log(`left out, native histograms: ${join(directory, file)}:${line}: ${query}`);
    }
    native += result.native.length;
    byPresence += result.passed.filter(({ isJudgedByPresence }) => isJudgedByPresence).length;
  }
  console.log(`${native} cases on native histograms left out`);
  console.log(`${byPresence} of the passed judged by the presence of an error, not its words`);
  console.log(`${asRange - asRangeFailed} of ${asRange} instant cases pass as range queries too`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed === 0;
}

const [directory] = process.argv.slice(2);
if (directory === undefined) {
  console.error("usage: npm run conformance:promql -- DIR");
  process.exitCode = 2;
} else if (!(await main(directory))) {
  process.exitCode = 1;
}
