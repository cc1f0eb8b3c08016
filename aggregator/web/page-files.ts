import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

/** A file of the page as it was built, and the same compressed where that is shorter. */
export type PageFile = {
  readonly type: string;
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer | null;
  readonly brotli: Buffer | null;
};

/** By name; empty where no page was built. */
export type PageFiles = ReadonlyMap<string, PageFile>;

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
};

/** The one file that names others. */
export const DOCUMENT = "index.html";

/** Where `npm run build` puts them: beside the built programs. */
export const PAGE_FOLDER = join(import.meta.dirname, "files");

/** Reads the built files once: they are few and small. What has no known type is none of them. */
export function loadPageFiles(folder: string): PageFiles {
  const files = new Map<string, PageFile>();
  if (!existsSync(folder)) return files;
  for (const name of readdirSync(folder)) {
    const type = TYPES[extname(name)];
    if (type === undefined) continue;
    const plain = readFileSync(join(folder, name));
    const compressed = (ending: string) => {
      const path = join(folder, `${name}.${ending}`);
      return existsSync(path) ? readFileSync(path) : null;
    };
    files.set(name, {
      ...{ type, etag: etagOf(plain), plain },
      ...{ gzip: compressed("gz"), brotli: compressed("br") },
    });
  }
  return files;
}

/** With the document as it has to be where all paths begin with the prefix. */
export function filesUnder(prefix: string, files: PageFiles): PageFiles {
  const document = files.get(DOCUMENT);
  if (prefix === "" || document === undefined) return files;
  const text = document.plain
    .toString("utf8")
    .replace(/(href|src)="\/assets\//g, `$1="${prefix}/assets/`)
    .replace('name="telltale-prefix" content=""', `name="telltale-prefix" content="${prefix}"`);
  const plain = Buffer.from(text);
  const placed = {
    ...{ type: document.type, etag: etagOf(plain), plain },
    ...{ gzip: gzipSync(plain), brotli: brotliCompressSync(plain) },
  };
  return new Map([...files, [DOCUMENT, placed]]);
}

function etagOf(bytes: Uint8Array): string {
  return `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
}
