import type { BackgroundSource } from "../background.ts";
import { counter } from "../collector.ts";

const CONTROLLERS_MAX = 100;
const ROWS_MAX = 200;

const CORRECTED = counter(
  "node_edac_correctable_errors_total",
  "Memory errors that the controller corrected.",
);
const UNCORRECTED = counter(
  "node_edac_uncorrectable_errors_total",
  "Memory errors that the controller could not correct.",
);
const ROW_CORRECTED = counter(
  "node_edac_csrow_correctable_errors_total",
  "Corrected memory errors of a row of chips.",
);
const ROW_UNCORRECTED = counter(
  "node_edac_csrow_uncorrectable_errors_total",
  "Memory errors of a row of chips that could not be corrected.",
);

/** Source: kernel docs, admin-guide/ras. */
export function edacSource(sys: string): BackgroundSource {
  const root = `${sys}/devices/system/edac/mc`;
  return {
    name: "edac",
    read: async (files, reading) => {
      for (const name of (await files.devices(root, CONTROLLERS_MAX)) ?? []) {
        const [, controller] = /^mc([0-9]{1,9})$/.exec(name) ?? [];
        if (controller === undefined) continue;
        const path = `${root}/${name}`;
        const unknown = { controller, csrow: "unknown" };
        reading.setText(CORRECTED, { controller }, await files.text(`${path}/ce_count`));
        reading.setText(UNCORRECTED, { controller }, await files.text(`${path}/ue_count`));
        reading.setText(ROW_CORRECTED, unknown, await files.text(`${path}/ce_noinfo_count`));
        reading.setText(ROW_UNCORRECTED, unknown, await files.text(`${path}/ue_noinfo_count`));
        for (const { name: row } of await files.names(path, ROWS_MAX)) {
          const [, csrow] = /^csrow([0-9]{1,9})$/.exec(row) ?? [];
          if (csrow === undefined) continue;
          const labels = { controller, csrow };
          reading.setText(ROW_CORRECTED, labels, await files.text(`${path}/${row}/ce_count`));
          reading.setText(ROW_UNCORRECTED, labels, await files.text(`${path}/${row}/ue_count`));
        }
      }
    },
  };
}
