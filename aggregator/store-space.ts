import type { DirectorySpace } from "../shared/platform/directory-space.ts";
import type { Metrics } from "../shared/telemetry/metrics.ts";
import type { Repetition } from "../shared/time/repeat.ts";

/** Of the folders below the data directory; `access` is there with TLS only. */
const STORES = ["series", "logs", "alerts", "fleet"] as const;
const EVERY_MS = 60_000;

type StoreSpacePorts = {
  readonly metrics: Metrics;
  /** @throws OperationalError STORAGE */
  readonly spaceOf: (directory: string) => Promise<DirectorySpace>;
  readonly counts: () => { readonly series: number; readonly partitions: number };
};

/** Says what the stores take, and what their disk has left. */
export function storeSpace(
  { metrics, spaceOf, counts }: StoreSpacePorts,
  dataDirectory: string,
): Repetition {
  const gauge = (name: string, text: string) => metrics.gauge(`telltale_store_${name}`, text);
  const bytes = gauge("bytes", "Bytes of the files of a store.");
  const free = gauge("disk_free_bytes", "What the disk of the stores has left.");
  const disk = gauge("disk_size_bytes", "What the disk of the stores has in all.");
  const series = gauge("series", "Series that have samples, in memory or on the disk.");
  const partitions = gauge("partitions", "Stretches of time that samples are kept of.");
  return {
    failure: "cannot measure the stores",
    run: async () => {
      const now = counts();
      series.set(now.series);
      partitions.set(now.partitions);
      for (const store of STORES) {
        const space = await spaceOf(`${dataDirectory}/${store}`);
        bytes.set(space.bytes, { store });
        free.set(space.freeBytes);
        disk.set(space.diskBytes);
      }
    },
    pauseMs: () => EVERY_MS,
  };
}
