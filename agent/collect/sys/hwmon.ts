import { counter, gauge, type SeriesSpec } from "../collector.ts";
import type { BackgroundFiles } from "../kit/background-files.ts";
import { type Device, deviceSource } from "../kit/device-source.ts";
import type { Reading } from "../kit/reading.ts";

const FILES_MAX = 1000;

const CHIP_NAMES = gauge("node_hwmon_chip_names", "Name that a driver gives to its chip.");
const SENSOR_LABEL = gauge("node_hwmon_sensor_label", "Name that a driver gives to a sensor.");

const SENSOR_TYPES = new Set(
  "vrm beep_enable update_interval in cpu fan pwm temp curr power energy humidity intrusion".split(
    " ",
  ),
);

type SensorFile = { readonly type: string; readonly sensor: string; readonly element: string };

/** `temp1_input` is the element `input` of the sensor `temp1`; null: not a sensor's file. */
export function sensorFile(name: string): SensorFile | null {
  const [, type = "", digits = "", element = ""] = /^([^0-9]+)([0-9]*)(?:_(.+))?$/.exec(name) ?? [];
  // A kind of sensor that is not known here has its values and labels where all have them.
  const isSensor = /^[a-z]+$/.test(type) && digits !== "" && /^(?:input|label)$/.test(element);
  if (!(SENSOR_TYPES.has(type) || isSensor) || digits.length > 9) return null;
  return { type, sensor: `${type}${Number(digits)}`, element };
}

/** As it stands in labels and metric names: lower case, without what a name may not have. */
export function cleanName(text: string): string {
  return text
    .slice(0, 256)
    .toLowerCase()
    .replace(/[^a-z0-9:_]/g, "_")
    .replace(/^_+|_+$/g, "");
}

/** Sensors of the hardware. Source: kernel docs, hwmon/sysfs-interface. */
export const hwmonSource = deviceSource("hwmon", "class/hwmon", readChip);

async function readChip(device: Device, reading: Reading): Promise<void> {
  const { path, files } = device;
  const name = cleanName(device.name);
  const chipName = cleanName((await device.constant("name")) ?? "");
  const chip = reading.distinct((await busName(device)) || chipName || name, name);
  const sensors = new Map<string, Sensor>();
  for (const directory of [path, `${path}/device`]) {
    for (const { name: file, isDirectory } of await files.names(directory, FILES_MAX)) {
      const parts = isDirectory ? null : sensorFile(file);
      if (parts === null) continue;
      const text = await readElement(`${directory}/${file}`, parts.element, files);
      if (text === null) continue;
      const sensor = sensors.get(parts.sensor) ?? { type: parts.type, elements: new Map() };
      sensors.set(parts.sensor, sensor);
      if (!sensor.elements.has(parts.element)) sensor.elements.set(parts.element, text);
    }
  }
  if (chipName !== "") reading.set(CHIP_NAMES, { chip, chip_name: chipName }, 1);
  for (const [name, sensor] of sensors) readSensor({ chip, sensor: name }, sensor, reading);
}

/** The bus and the device, such as `platform_coretemp_0`: the same after each boot. */
async function busName({ path, files }: Device): Promise<string> {
  const device = await files.resolve(`${path}/device`);
  if (device === null) return "";
  const [bus = "", name = ""] = device.split("/").slice(-2).map(cleanName);
  return bus !== "" && name !== "" ? `${bus}_${name}` : name;
}

/** Names, limits and modes seldom change; asking for them costs as much as for the values. */
function readElement(
  path: string,
  element: string,
  files: BackgroundFiles,
): Promise<string | null> {
  const isConstant = !/^(?:|input|average|target|fault|(?:.*_)?alarm)$/.test(element);
  return isConstant ? files.constant(path) : files.text(path);
}

type Sensor = { readonly type: string; readonly elements: Map<string, string> };
type SensorLabels = { readonly chip: string; readonly sensor: string };

function readSensor(labels: SensorLabels, { type, elements }: Sensor, reading: Reading): void {
  const label = elements.get("label");
  if (label !== undefined) reading.set(SENSOR_LABEL, { ...labels, label }, 1);
  for (const [element, text] of elements) {
    if (element === "label") continue;
    const spec = specOf(type, element, elements.has(""));
    if (type === "beep_enable") reading.set(spec, labels, text === "1" ? 1 : 0);
    // Some drivers put text into files of such names.
    else if (/^[-0-9]/.test(text)) reading.setText(spec, labels, text);
  }
}

function specOf(type: string, element: string, hasPlainValue: boolean): SeriesSpec {
  const { name, scale } = naming(type, element, hasPlainValue);
  const make = type === "energy" && name.endsWith("_total") ? counter : gauge;
  return make(name, `Sensors of type ${type}: ${element || "value"}.`, scale);
}

type Naming = { readonly name: string; readonly scale: number };

/** Names and units of node_exporter's hwmon collector. */
function naming(type: string, element: string, hasPlainValue: boolean): Naming {
  if (type === "beep_enable") return { name: "node_hwmon_beep_enabled", scale: 0 };
  if (type === "vrm") return { name: "node_hwmon_voltage_regulator_version", scale: 0 };
  if (type === "update_interval") return { name: "node_hwmon_update_interval_seconds", scale: 3 };
  // `input` is the value itself, unless there is a file without an element.
  const isValue = element === "" || (element === "input" && !hasPlainValue);
  const base = `node_hwmon_${type}${isValue ? "" : `_${cleanName(element)}`}`;
  if (element === "fault" || element === "alarm") return { name: base, scale: 0 };
  if (element === "beep") return { name: `${base}_enabled`, scale: 0 };
  const [suffix, scale] = unitOf(type, element);
  return { name: base + suffix, scale };
}

const NO_UNIT: Unit = ["", 0];
const UNITS: Readonly<Record<string, Unit>> = {
  in: ["_volts", 3],
  cpu: ["_volts", 3],
  temp: ["_celsius", 3],
  curr: ["_amps", 3],
  energy: ["_joule_total", 6],
  power: ["_watt", 6],
  humidity: ["", 6],
  fan: ["_rpm", 0],
};

type Unit = readonly [suffix: string, scale: number];

function unitOf(type: string, element: string): Unit {
  if (type === "temp" && element === "type") return NO_UNIT;
  if (type === "fan" && !/^(?:input|min|max|target)$/.test(element)) return NO_UNIT;
  if (type === "power" && element === "accuracy") return ["", 6];
  if (type === "power" && element.startsWith("average_interval")) return ["_seconds", 3];
  return Object.hasOwn(UNITS, type) ? (UNITS[type] ?? NO_UNIT) : NO_UNIT;
}
