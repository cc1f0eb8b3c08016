import type { BackgroundSource } from "../background.ts";
import { gauge } from "../collector.ts";

const DEVICES_MAX = 1000;

const TEMPERATURE = gauge("node_thermal_zone_temp", "Temperature of the zone in °C.", 3);
const STATE = gauge("node_cooling_device_cur_state", "How hard the device cools now.");
const STATE_MAX = gauge("node_cooling_device_max_state", "How hard the device can cool.");

/** A zone without a reading, in kernels that do not refuse instead. Source: THERMAL_TEMP_INVALID. */
const NO_TEMPERATURE = "-274000";
const ZONE = /^thermal_zone([0-9]{1,9})$/;
const COOLER = /^cooling_device([0-9]{1,9})$/;

/** Source: kernel docs, driver-api/thermal/sysfs-api. */
export function thermalSource(sys: string): BackgroundSource {
  const root = `${sys}/class/thermal`;
  return {
    name: "thermal_zone",
    read: async (files, reading) => {
      for (const device of (await files.devices(root, DEVICES_MAX)) ?? []) {
        const path = `${root}/${device}`;
        const zone = ZONE.exec(device)?.[1];
        const name = COOLER.exec(device)?.[1];
        if (zone === undefined && name === undefined) continue;
        const type = (await files.constant(`${path}/type`)) ?? "";
        if (zone !== undefined) {
          const text = await files.text(`${path}/temp`);
          if (text !== NO_TEMPERATURE) reading.setText(TEMPERATURE, { zone, type }, text);
        } else if (name !== undefined) {
          reading.setText(STATE, { name, type }, await files.text(`${path}/cur_state`));
          reading.setText(STATE_MAX, { name, type }, await files.constant(`${path}/max_state`));
        }
      }
    },
  };
}
