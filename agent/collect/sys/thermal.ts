import { gauge } from "../collector.ts";
import { deviceSource } from "../kit/device-source.ts";

const TEMPERATURE = gauge("node_thermal_zone_temp", "Temperature of the zone in °C.", 3);
const STATE = gauge("node_cooling_device_cur_state", "How hard the device cools now.");
const STATE_MAX = gauge("node_cooling_device_max_state", "How hard the device can cool.");

/** A zone without a reading, in kernels that do not refuse instead. Source: THERMAL_TEMP_INVALID. */
const NO_TEMPERATURE = "-274000";
const ZONE = /^thermal_zone([0-9]{1,9})$/;
const COOLER = /^cooling_device([0-9]{1,9})$/;

/** Source: kernel docs, driver-api/thermal/sysfs-api. */
export const thermalSource = deviceSource(
  "thermal_zone",
  "class/thermal",
  async (device, reading) => {
    const zone = ZONE.exec(device.name)?.[1];
    const name = COOLER.exec(device.name)?.[1];
    if (zone === undefined && name === undefined) return;
    const type = (await device.constant("type")) ?? "";
    if (zone !== undefined) {
      const text = await device.text("temp");
      if (text !== NO_TEMPERATURE) reading.setText(TEMPERATURE, { zone, type }, text);
    } else if (name !== undefined) {
      reading.setText(STATE, { name, type }, await device.text("cur_state"));
      reading.setText(STATE_MAX, { name, type }, await device.constant("max_state"));
    }
  },
);
