import type { BackgroundSource } from "../background.ts";
import { gauge } from "../collector.ts";

const DEVICES_MAX = 500;
const NVME = gauge("node_nvme_info", "The NVMe controller.");

export function nvmeSource(sys: string): BackgroundSource {
  const root = `${sys}/class/nvme`;
  return {
    name: "nvme",
    read: async (files, reading) => {
      for (const device of (await files.devices(root, DEVICES_MAX)) ?? []) {
        const path = `${root}/${device}`;
        const labels = {
          device,
          firmware_revision: (await files.constant(`${path}/firmware_rev`)) ?? "",
          model: (await files.constant(`${path}/model`)) ?? "",
          serial: (await files.constant(`${path}/serial`)) ?? "",
          state: (await files.text(`${path}/state`)) ?? "",
        };
        reading.set(NVME, labels, 1);
      }
    },
  };
}
