// Makes a folder that holds all that running Telltale needs besides Node: the built programs, proto
// and the dependencies they run with. The install script and the image both come from it. Works
// offline, and on such a folder too.
//
//   node scripts/pack.mjs            into build/telltale, in place of what is there
//   node scripts/pack.mjs FOLDER     into a folder that does not exist yet
import { chmodSync, cpSync, existsSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, join, relative, resolve } from "node:path";

const root = join(import.meta.dirname, "..");
const named = process.argv[2];
const target = resolve(named ?? join(root, "build/telltale"));
const PROGRAMS = ["agent", "aggregator", "cli"];
const OWN = [...["shared", ...PROGRAMS].map((name) => `dist/${name}`), "proto"];
const WITH_IT = [
  "package.json",
  "package-lock.json",
  "systemd",
  "scripts/pack.mjs",
  "docs/install.md",
  "docs/security.md",
  "LICENSE",
  "CHANGELOG.md",
];

/** Of a dependency: what only its developers need, and what a licence may be in. */
const NEEDLESS_FOLDERS = new Set([
  "test",
  "tests",
  "doc",
  "docs",
  "example",
  "examples",
  "benchmark",
  "vendor",
]);
const NEEDLESS_FILES = /\.(ts|map|md|markdown|cc|hh|h|S|asm)$/;
const LICENCE_FILES = /^(licen[sc]e|copying|notice|readme)/i;
const PREBUILDS = new Set(["linux-x64", "linux-arm64", "linux-arm"]);

requireBuilt();
if (named !== undefined && existsSync(target)) fail(`${target} exists already`);
rmSync(target, { recursive: true, force: true });
for (const path of OWN) copy(path, (file) => !file.endsWith(".map"));
for (const path of WITH_IT) {
  if (existsSync(join(root, path))) copy(path, () => true);
}
for (const folder of runtimePackages()) {
  copy(folder, (file) => isNeeded(folder, relative(join(root, folder), file)));
}
openToAll();
console.log(`Telltale ${readJson("package.json").version} packed into ${target}`);

function requireBuilt() {
  const needed = [...PROGRAMS.map((name) => `dist/${name}/main.js`), "node_modules"];
  const missing = needed.filter((path) => !existsSync(join(root, path)));
  if (missing.length === 0) return;
  fail(`${root} is not built: no ${missing.join(", ")}. Run there: npm ci && npm run build`);
}

function fail(message) {
  console.error(`pack: ${message}`);
  process.exit(2);
}

/** Folders, from the root, of what the lock file names and only developing does not need. */
function runtimePackages() {
  const { packages } = readJson("package-lock.json");
  const folders = Object.keys(packages).filter((folder) => {
    if (folder === "" || packages[folder].dev || folder.startsWith("node_modules/@types/")) {
      return false;
    }
    if (existsSync(join(root, folder))) return true;
    if (packages[folder].optional || packages[folder].devOptional) return false;
    return fail(`${folder} is missing. Run in ${root}: npm ci`);
  });
  return folders.sort();
}

/** Whether a file or folder of the package in `folder`, named from there, goes along. */
function isNeeded(folder, path) {
  const [first, second, ...deeper] = path.split("/");
  if (first === "node_modules") return false; // each package is copied by itself
  if (second === undefined && NEEDLESS_FOLDERS.has(first)) return false;
  if (existsSync(join(root, folder, "prebuilds"))) {
    if (first === "prebuilds" && second !== undefined && deeper.length === 0) {
      return PREBUILDS.has(second);
    }
    if (first === "deps") return false; // what they were built from
  }
  return !NEEDLESS_FILES.test(path) || LICENCE_FILES.test(basename(path));
}

function copy(path, filter) {
  cpSync(join(root, path), join(target, path), { recursive: true, dereference: true, filter });
}

/** Services run as users of their own: whatever the umask was, all may read it. */
function openToAll() {
  chmodSync(target, 0o755);
  const programs = [...PROGRAMS.map((name) => `dist/${name}/main.js`), "systemd/install.sh"];
  for (const entry of readdirSync(target, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const isProgram = programs.includes(relative(target, path));
    chmodSync(path, entry.isDirectory() || isProgram ? 0o755 : 0o644);
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(join(root, path), "utf8"));
}
