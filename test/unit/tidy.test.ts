import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { VERSION } from "../../shared/version.ts";

/** What no linter rule says: each check gives the offending places, so that a failure is a list. */
const ROOT = join(import.meta.dirname, "../..");
const FOLDERS = ["agent", "aggregator", "cli", "shared", "test", "bench", "scripts"];
const LINES_MAX = 400;
/** A test file is a list of cases: long is not the same as involved there. */
const TEST_LINES_MAX = 600;
const BANNED_NAMES =
  /(^|[-/])(utils?|helpers?|common|manager|misc)\.tsx?$|\/(data|info|handle|process)\.tsx?$/;

type Source = { readonly path: string; readonly text: string };

const sources: Source[] = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.m?tsx?$|\.mjs$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => !path.includes("generated"))
    .map((path) => ({ path: relative(ROOT, path), text: readFileSync(path, "utf8") })),
);
const isTest = ({ path }: Source) => path.startsWith("test/");
const product = sources.filter(({ path }) => /^(agent|aggregator|shared|cli)\//.test(path));

function placesOf(pattern: RegExp, among: readonly Source[]): string[] {
  return among.flatMap(({ path, text }) =>
    text.split("\n").flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}`] : [])),
  );
}

test("there are sources to look at", () => {
  expect(sources.length).toBeGreaterThan(100);
});

test(`no source file is longer than ${LINES_MAX} lines`, () => {
  const linesMax = (one: Source) => (isTest(one) ? TEST_LINES_MAX : LINES_MAX);
  const long = sources.filter((one) => one.text.split("\n").length > linesMax(one) + 1);
  expect(long.map(({ path }) => path)).toEqual([]);
});

test("no file bears a name that says nothing", () => {
  expect(sources.map(({ path }) => path).filter((path) => BANNED_NAMES.test(path))).toEqual([]);
});

test("chance comes in as an argument, so that a seed can replay it", () => {
  const others = sources.filter((one) => !isTest(one) && !one.path.endsWith("main.ts"));
  expect(placesOf(/Math\.random/, others)).toEqual([]);
});

test("nothing is left to do without an issue's number, and no test is switched off", () => {
  const others = sources.filter(({ path }) => !path.endsWith("tidy.test.ts"));
  expect(placesOf(/TODO(?!\(#\d+\))|FIXME|XXX/, others)).toEqual([]);
  expect(placesOf(/\b(test|describe|it)\.(only|todo)\b/, others)).toEqual([]);
});

test("the programs say the version of the package", () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  expect(VERSION).toBe(version);
});

/** A word by itself or as a part of a name: `books` in `#books`, `streamBooks` and `BOOKS_MAX`. */
function wordPattern(word: string): RegExp {
  const [lower, capital] = [word.toLowerCase(), word[0]?.toUpperCase() + word.slice(1)];
  const upper = word.toUpperCase();
  return new RegExp(
    `(?<![a-zA-Z])${lower}s?(?![a-z])|${capital}s?(?![a-z])|(?<![A-Z])${upper}S?(?![A-Z])`,
  );
}

test("a thing has the one word that the glossary says, and its file is there", () => {
  const rows = readFileSync(join(ROOT, "docs/GLOSSARY.md"), "utf8").matchAll(
    /^\| ([^|]+) \| [^|]+ \| `([^`]+)` \|([^|]*)\|$/gm,
  );
  const [words, missing, banned] = [[], [], []] as [string[], string[], string[]];
  for (const [, word = "", file = "", never = ""] of rows) {
    words.push(word);
    if (!existsSync(join(ROOT, file))) missing.push(`${word}: ${file}`);
    for (const [, other = ""] of never.matchAll(/`([^`]+)`/g)) {
      banned.push(...placesOf(wordPattern(other), product).map((at) => `${at}: ${other}`));
    }
  }
  expect(words.length).toBeGreaterThan(50);
  expect([missing, banned]).toEqual([[], []]);
});

test("a promise queue is a SerialQueue, and an interval has its number", () => {
  expect(placesOf(/(this\.#\w+) = \1\s*\.then\(/, product)).toEqual([]);
  expect(placesOf(/\b(SELDOM|HARDLY)/, product)).toEqual([]);
});
