import { join } from "node:path";
import type { BackgroundSource } from "../background.ts";
import { backgroundEntry } from "../collector-entry.ts";
import type { BackgroundFiles } from "../kit/background-files.ts";
import { type BusAddress, converse } from "./dbus-conversation.ts";
import { SERIES_MAX, UnitReader } from "./units.ts";

const MINUTE_MS = 60_000;
const TIMEOUT_MS = 5000;

/** Units of systemd, by one conversation a minute with it: nothing is kept open in between. */
function systemdSource(hostRoot: string): BackgroundSource {
  const reader = new UnitReader();
  return {
    name: "systemd",
    intervalMs: MINUTE_MS,
    seriesMax: SERIES_MAX,
    hasOwnQueue: true,
    read: async (files, reading, signal) => {
      const address = await systemdAddress(hostRoot, files);
      if (address === null) return;
      const deadline = AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]);
      await converse(address, deadline, (call) => reader.read(call, reading));
    },
  };
}

/** null: this host does not run systemd. Its own socket is for root, where there is no bus. */
export async function systemdAddress(
  hostRoot: string,
  files: Pick<BackgroundFiles, "resolve">,
): Promise<BusAddress | null> {
  const isBooted = (await files.resolve(join(hostRoot, "/run/systemd/system"))) !== null;
  if (!isBooted) return null;
  const bus = join(hostRoot, "/run/dbus/system_bus_socket");
  const isThere = (await files.resolve(bus)) !== null;
  if (isThere) return { socketPath: bus, isBus: true };
  return { socketPath: join(hostRoot, "/run/systemd/private"), isBus: false };
}

export const SYSTEMD_COLLECTOR = backgroundEntry("systemd", ({ hostRoot }) =>
  systemdSource(hostRoot),
);
