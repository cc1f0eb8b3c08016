import { realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { readRegularFile } from "../shared/platform/regular-file.ts";
import { converse } from "./collect/systemd/dbus-conversation.ts";
import { systemdAddress } from "./collect/systemd/systemd-collector.ts";
import type { UnitPorts } from "./scrape/discovery/unit-targets.ts";

/** systemd has a link here for each unit that runs, so the folder changes with them. */
const RUNNING_UNITS = "/run/systemd/units";
const UNIT_FILE_BYTES_MAX = 1024 ** 2;

/** The host's systemd, by its sockets and its files. */
export function unitPorts(hostRoot: string): UnitPorts {
  const resolve = (path: string) => realpath(path).catch(() => null);
  return {
    mark: async () => {
      const found = await stat(join(hostRoot, RUNNING_UNITS), { bigint: true }).catch(() => null);
      return found === null ? null : String(found.mtimeNs);
    },
    converse: async (signal, talk) => {
      const address = await systemdAddress(hostRoot, { resolve });
      return address === null ? null : await converse(address, signal, talk);
    },
    readFile: async (path) => {
      const file = await readRegularFile(join(hostRoot, path), UNIT_FILE_BYTES_MAX).catch(
        () => null,
      );
      return file === null || file === "too large" ? null : file.bytes.toString("utf8");
    },
  };
}
