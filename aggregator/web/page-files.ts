import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";

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
    const etag = `"${createHash("sha256").update(plain).digest("base64url").slice(0, 22)}"`;
    const compressed = (ending: string) => {
      const path = join(folder, `${name}.${ending}`);
      return existsSync(path) ? readFileSync(path) : null;
    };
    files.set(name, { type, etag, plain, gzip: compressed("gz"), brotli: compressed("br") });
  }
  return files;
}
