// Brings a checkout to where its programs can run: installs what the lock file names and builds,
// each only when something changed since the last time. Needs nothing but Node and npm.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

export const root = join(import.meta.dirname, "..");
const SOURCES = ["proto", "shared", "agent", "aggregator", "cli", "test", "bench"];
const MINIMUM = [20, 19];

export function setUp() {
  requireNode();
  const lock = stampOf([join(root, "package-lock.json"), join(root, "package.json")]);
  step("node_modules/.telltale-installed", lock, "Installing packages", () => {
    run("npm", ["ci", "--loglevel=error"]);
  });
  const sources = stampOf([
    ...SOURCES.flatMap((name) => filesOf(join(root, name))),
    join(root, "tsconfig.json"),
  ]);
  step("dist/.telltale-built", `${lock} ${sources}`, "Building", () => {
    rmSync(join(root, "dist"), { recursive: true, force: true });
    run("npm", ["run", "--silent", "build"]);
    linkPrograms();
  });
}

/** So that `npx telltale` works here, as it does where the package is installed. */
function linkPrograms() {
  const { bin } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
  for (const [name, path] of Object.entries(bin)) {
    const link = join(root, "node_modules/.bin", name);
    chmodSync(join(root, path), 0o755);
    rmSync(link, { force: true });
    symlinkSync(join(root, path), link);
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major > MINIMUM[0] || (major === MINIMUM[0] && minor >= MINIMUM[1])) return;
  console.error(
    `Telltale needs Node ${MINIMUM.join(".")} or later; this is ${process.versions.node}.`,
  );
  process.exit(2);
}

/** Runs `work` unless the stamp in `file` is that of the last time it went well. */
function step(file, stamp, title, work) {
  const path = join(root, file);
  if (existsSync(path) && readFileSync(path, "utf8") === stamp) return;
  const began = Date.now();
  process.stderr.write(`${title} …\n`);
  work();
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, stamp);
  process.stderr.write(`${title}: done in ${((Date.now() - began) / 1000).toFixed(1)} s\n`);
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (status === 0) return;
  console.error(`${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}.`);
  process.exit(1);
}

/** Size and time of change tell a changed file; contents would cost a second at each start. */
function stampOf(files) {
  const hash = createHash("sha256");
  for (const file of files) {
    const { size, mtimeMs } = statSync(file);
    hash.update(`${file} ${size} ${mtimeMs}\n`);
  }
  return hash.digest("hex");
}

function filesOf(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.parentPath.includes("generated"))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
