import { stat } from "node:fs/promises";
import { OperationalError, systemCode } from "../../../shared/errors.ts";
import { matchingPaths } from "../../../shared/platform/config-files.ts";
import { readRegularFile } from "../../../shared/platform/regular-file.ts";
import type { DiscoveryFiles } from "./discovery.ts";

/** The machine's. */
export const diskFiles: DiscoveryFiles = {
  list: async (pattern) => matchingPaths(pattern),
  mark: async (path) => {
    try {
      const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
    } catch (error) {
      if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return null;
      return String(systemCode(error)); // reading it says why
    }
  },
  read: async (path, bytesMax) => {
    const found = await readRegularFile(path, bytesMax);
    if (found === null) throw new OperationalError("PARSE", `${path}: not a file`);
    if (found === "too large") {
      throw new OperationalError("LIMIT", `${path}: larger than ${bytesMax} bytes`);
    }
    return found.bytes.toString("utf8");
  },
};
