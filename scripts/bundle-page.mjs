// Makes the page of aggregator/web/page: dist/aggregator/web/files has all that a browser loads, under
// names that change with what is in them, each compressed once. What the first load takes, and all
// that can be loaded, is printed and must stay within its limit.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { rolldown } from "rolldown";

const source = join(import.meta.dirname, "../aggregator/web/page");
const target = join(import.meta.dirname, "../dist/aggregator/web/files");
/** Of what the first view loads, and of everything that the page can load, compressed by brotli. */
const FIRST_BYTES_MAX = 80_000;
const BYTES_MAX = 240_000;
const require = createRequire(import.meta.url);
const STYLES = [require.resolve("uplot/dist/uPlot.min.css"), join(source, "page.css")];

const files = new Map();
/** Of the scripts, those that are loaded only when they are needed. */
const late = new Set();
await addScripts();
addFile("page.css", STYLES.map((path) => readFileSync(path, "utf8")).join("\n"));
addFile("icon.svg", readFileSync(join(source, "icon.svg"), "utf8"));
const document = readFileSync(join(source, "index.html"), "utf8");
files.set(
  "index.html",
  document.replace(/\/assets\/([\w.]+)/g, (_, name) => `/assets/${nameOf(name)}`),
);
writeFiles();

async function addScripts() {
  const bundle = await rolldown({
    input: { main: join(source, "main.tsx") },
    platform: "browser",
    tsconfig: join(source, "tsconfig.json"),
  });
  const { output } = await bundle.generate({
    format: "esm",
    minify: true,
    entryFileNames: "[name]-[hash].js",
    chunkFileNames: "[name]-[hash].js",
  });
  await bundle.close();
  for (const { fileName, code } of output) {
    files.set(fileName, code);
    late.add(fileName);
  }
  const chunks = new Map(output.map((chunk) => [chunk.fileName, chunk]));
  const first = output.filter(({ isEntry }) => isEntry).map(({ fileName }) => fileName);
  for (let name = first.pop(); name !== undefined; name = first.pop()) {
    if (late.delete(name)) first.push(...chunks.get(name).imports);
  }
}

/** Under its name with a part that stands for what is in it. */
function addFile(name, text) {
  const hash = createHash("sha256").update(text).digest("base64url").slice(0, 8);
  const ending = extname(name);
  files.set(`${name.slice(0, -ending.length)}-${hash}${ending}`, text);
}

/** The name that was given to a file of index.html. */
function nameOf(name) {
  const ending = extname(name);
  const start = `${name.slice(0, -ending.length)}-`;
  const found = [...files.keys()].find((one) => one.startsWith(start) && one.endsWith(ending));
  if (found === undefined) throw new Error(`index.html names ${name}, which there is not`);
  return found;
}

function writeFiles() {
  rmSync(target, { recursive: true, force: true });
  mkdirSync(target, { recursive: true });
  let [total, first] = [0, 0];
  for (const [name, text] of files) {
    const bytes = Buffer.from(text);
    const brotli = brotliCompressSync(bytes, {
      params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
    });
    writeFileSync(join(target, name), bytes);
    writeFileSync(join(target, `${name}.br`), brotli);
    writeFileSync(join(target, `${name}.gz`), gzipSync(bytes, { level: 9 }));
    total += brotli.length;
    if (!late.has(name)) first += brotli.length;
  }
  const text = (bytes) => `${(bytes / 1000).toFixed(1)} kB`;
  console.log(`page: ${text(first)} compressed at first, ${text(total)} in ${files.size} files`);
  if (first <= FIRST_BYTES_MAX && total <= BYTES_MAX) return;
  console.error(
    `page: more than ${FIRST_BYTES_MAX / 1000} kB at first, or ${BYTES_MAX / 1000} in all`,
  );
  process.exitCode = 1;
}
