import type { BackgroundSource } from "../background.ts";
import { counter, type SeriesSpec } from "../collector.ts";
import { cleanName } from "./hwmon.ts";

const ZONES_MAX = 500;

/** Energy that a part of the processor used. Only root may read it, on most kernels. */
export function raplSource(sys: string): BackgroundSource {
  const root = `${sys}/class/powercap`;
  return {
    name: "rapl",
    read: async (files, reading) => {
      const used = new Map<string, number>();
      for (const zone of (await files.devices(root, ZONES_MAX)) ?? []) {
        const text = await files.constant(`${root}/${zone}/name`);
        if (text === null) continue;
        const { name, index } = zoneName(text, used);
        const labels = { index: String(index), path: `/sys/class/powercap/${zone}` };
        const energy = await files.text(`${root}/${zone}/energy_uj`);
        const part = cleanName(name).replaceAll(":", "_");
        if (part !== "") reading.setText(energySpec(part), labels, energy);
      }
    },
  };
}

function energySpec(part: string): SeriesSpec {
  return counter(`node_rapl_${part}_joules_total`, "Energy used by this part in joules.", 6);
}

/** `package-3` is package 3; zones without a number are numbered by name as they come. */
function zoneName(text: string, used: Map<string, number>): { name: string; index: number } {
  const [, stem, digits] = /^([^-]*)-([0-9]{1,9})$/.exec(text) ?? [];
  const name = stem ?? text;
  const index = digits === undefined ? (used.get(name) ?? 0) : Number(digits);
  used.set(name, index + 1);
  return { name, index };
}
