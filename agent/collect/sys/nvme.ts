import { gauge } from "../collector.ts";
import { deviceSource } from "../kit/device-source.ts";

const NVME = gauge("node_nvme_info", "The NVMe controller.");

export const nvmeSource = deviceSource("nvme", "class/nvme", async (device, reading) => {
  const labels = {
    device: device.name,
    firmware_revision: (await device.constant("firmware_rev")) ?? "",
    model: (await device.constant("model")) ?? "",
    serial: (await device.constant("serial")) ?? "",
    state: (await device.text("state")) ?? "",
  };
  reading.set(NVME, labels, 1);
});
