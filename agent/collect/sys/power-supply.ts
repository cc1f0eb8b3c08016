import { gauge, type SeriesSpec } from "../collector.ts";
import { deviceSource } from "../kit/device-source.ts";

/** Attribute and metric, where they differ; then the scale. */
const SUPPLY_VALUES: readonly (readonly [attribute: string, metric: string, scale: number])[] = [
  ...same("authentic calibrate capacity capacity_alert_max capacity_alert_min online present", 0),
  ["cycle_count", "cyclecount", 0],
  ["time_to_empty_now", "time_to_empty_seconds", 0],
  ["time_to_full_now", "time_to_full_seconds", 0],
  ["charge_now", "charge_ampere", 6],
  ["current_now", "current_ampere", 6],
  ["energy_now", "energy_watthour", 6],
  ["power_now", "power_watt", 6],
  ["voltage_now", "voltage_volt", 6],
  ...same(
    "charge_control_limit charge_control_limit_max charge_counter charge_empty " +
      "charge_empty_design charge_full charge_full_design charge_term_current " +
      "constant_charge_current constant_charge_current_max constant_charge_voltage " +
      "constant_charge_voltage_max current_boot current_max energy_empty energy_empty_design " +
      "energy_full energy_full_design input_current_limit precharge_current voltage_boot " +
      "voltage_max voltage_max_design voltage_min voltage_min_design voltage_ocv",
    6,
  ),
  ...same(
    "temp temp_alert_max temp_alert_min temp_ambient temp_ambient_max temp_ambient_min temp_max " +
      "temp_min",
    1,
    "_celsius",
  ),
];

function same(names: string, scale: number, unit = "") {
  return names.split(" ").map((name) => [name, name + unit, scale] as const);
}

const SUPPLY_SPECS: ReadonlyMap<string, SeriesSpec> = new Map(
  SUPPLY_VALUES.map(([attribute, metric, scale]) => [
    attribute,
    gauge(`node_power_supply_${metric}`, `The power supply's ${attribute}.`, scale),
  ]),
);
const SUPPLY_INFO = gauge("node_power_supply_info", "What the power supply is.");
const SUPPLY_TEXTS = new Set(
  (
    "capacity_level charge_type health manufacturer model_name scope serial_number status " +
    "technology type usb_type"
  ).split(" "),
);

/** Batteries and mains. Source: kernel docs, ABI/testing/sysfs-class-power. */
export const powerSupplySource = deviceSource(
  "powersupplyclass",
  "class/power_supply",
  async (supply, reading) => {
    const labels = { power_supply: supply.name };
    const texts: Record<string, string> = {};
    for (const { name, isDirectory } of await supply.names()) {
      const spec = SUPPLY_SPECS.get(name);
      if (isDirectory || (spec === undefined && !SUPPLY_TEXTS.has(name))) continue;
      const text = await supply.text(name);
      if (text === null || text === "") continue;
      if (spec === undefined) texts[name] = text;
      else if (/^[-0-9]/.test(text)) reading.setText(spec, labels, text);
    }
    reading.set(SUPPLY_INFO, { ...labels, ...texts }, 1);
  },
);
