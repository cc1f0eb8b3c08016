import { counter } from "../collector.ts";
import { deviceSource } from "../kit/device-source.ts";

const CORRECTED = counter("node_edac_correctable_errors_total", "Memory errors corrected.");
const UNCORRECTED = counter("node_edac_uncorrectable_errors_total", "Memory errors not corrected.");
const ROW_CORRECTED = counter(
  "node_edac_csrow_correctable_errors_total",
  "Corrected memory errors of a row of chips.",
);
const ROW_UNCORRECTED = counter(
  "node_edac_csrow_uncorrectable_errors_total",
  "Memory errors of a row of chips that could not be corrected.",
);

/** Source: kernel docs, admin-guide/ras. */
export const edacSource = deviceSource(
  "edac",
  "devices/system/edac/mc",
  async (device, reading) => {
    const [, controller] = /^mc([0-9]{1,9})$/.exec(device.name) ?? [];
    if (controller === undefined) return;
    const unknown = { controller, csrow: "unknown" };
    reading.setText(CORRECTED, { controller }, await device.text("ce_count"));
    reading.setText(UNCORRECTED, { controller }, await device.text("ue_count"));
    reading.setText(ROW_CORRECTED, unknown, await device.text("ce_noinfo_count"));
    reading.setText(ROW_UNCORRECTED, unknown, await device.text("ue_noinfo_count"));
    for (const { name } of await device.names()) {
      const [, csrow] = /^csrow([0-9]{1,9})$/.exec(name) ?? [];
      if (csrow === undefined) continue;
      const labels = { controller, csrow };
      reading.setText(ROW_CORRECTED, labels, await device.text(`${name}/ce_count`));
      reading.setText(ROW_UNCORRECTED, labels, await device.text(`${name}/ue_count`));
    }
  },
);
