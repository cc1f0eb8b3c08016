// Makes dist/agent/main.js, as tsc left it, one file of what the agent runs with: fewer modules to
// keep in memory, and no code that it never calls. Its private names become ordinary ones
// (plain-names.mjs). All of it is ASCII: one other character, and V8 keeps two bytes for each.
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { rolldown } from "rolldown";
import { withPlainNames } from "./plain-names.mjs";

const program = join(import.meta.dirname, "../dist/agent/main.js");
/** They load files of their own, or are not always loaded. */
const APART = [
  ...[/^node:/, /^classic-level$/, /^koffi$/, /^re2js$/],
  ...[/\/yaml-groups\.js$/, /\/start-otlp\.js$/, /\/probe-pages\.js$/], // loaded where they are configured
];

const bundle = await rolldown({ input: program, platform: "node", external: APART });
await bundle.write({
  file: program,
  format: "esm",
  codeSplitting: false,
  // Names stay as they are: they are what a stack trace tells.
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
});
await bundle.close();
const text = withPlainNames(readFileSync(program, "utf8"));
const ascii = text.replace(/[^\0-\x7f]/g, (character) => {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
});
writeFileSync(program, ascii);
chmodSync(program, 0o755);
