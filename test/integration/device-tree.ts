import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** Hardware that no test machine has all of: file and content; `@` before a link's target. */
const PLATFORM = "sys/devices/platform/coretemp.0/hwmon/hwmon0";
const PCI = "sys/devices/pci0000:00/0000:00:18.3";
const VIRTUAL = "sys/devices/virtual/thermal/thermal_zone0/hwmon1";
const EDAC = "sys/devices/system/edac/mc/mc0";
const THERMAL = "sys/class/thermal";
const NET = "sys/class/net";
const POWERCAP = "sys/class/powercap";

const CORETEMP = {
  name: "coretemp",
  device: "@../../../coretemp.0",
  ...sensor("temp1", { input: "45000", max: "80000", crit: "100000", crit_alarm: "0" }),
  temp1_label: "Package id 0",
  ...sensor("temp2", { input: "-5500", fault: "0", type: "4", max_hyst: "75000" }),
  temp3_label: "only",
  ...sensor("in0", { input: "1200", min: "0", beep: "1" }),
  ...sensor("fan1", { input: "1500", alarm: "0", min: "300", pulses: "2", div: "8" }),
  pwm1: "128",
  ...sensor("pwm1", { enable: "2", auto_point1_pwm: "40" }),
  ...sensor("curr1", { input: "1500", label: "iout" }),
  ...sensor("power1", { input: "35000000", average: "3000001", average_interval: "1000" }),
  ...sensor("power1", { accuracy: "95", model_number: "abc", cap: "x" }),
  energy1_input: "123456789",
  humidity1_input: "45000",
  intrusion0_alarm: "1",
  beep_enable: "1",
  update_interval: "1000",
  vrm: "110",
  cpu0_vid: "1300",
  uevent: "",
  "power/control": "auto",
};

const SUPPLY_NUMBERS = (
  "authentic calibrate capacity capacity_alert_max capacity_alert_min charge_avg " +
  "charge_control_limit charge_control_limit_max charge_counter charge_empty " +
  "charge_empty_design charge_full charge_full_design charge_now charge_term_current " +
  "constant_charge_current constant_charge_current_max constant_charge_voltage " +
  "constant_charge_voltage_max current_avg current_boot current_max current_now cycle_count " +
  "energy_avg energy_empty energy_empty_design energy_full energy_full_design energy_now " +
  "input_current_limit online power_avg power_now precharge_current present temp temp_alert_max " +
  "temp_alert_min temp_ambient temp_ambient_max temp_ambient_min temp_max temp_min " +
  "time_to_empty_avg time_to_empty_now time_to_full_avg time_to_full_now voltage_avg " +
  "voltage_boot voltage_max voltage_max_design voltage_min voltage_min_design voltage_now " +
  "voltage_ocv"
).split(" ");

const BATTERY = {
  ...Object.fromEntries(SUPPLY_NUMBERS.map((name, i) => [name, String(1_000_003 * (i + 1))])),
  capacity_level: "Normal",
  charge_type: "Fast",
  health: "Good",
  manufacturer: "LGC",
  model_name: "LNV-45N1",
  serial_number: "38109",
  status: "Charging",
  technology: "Li-ion",
  type: "Battery",
  usb_type: "C",
  scope: "System",
};

const MDSTAT = `Personalities : [raid0] [raid1] [raid6] [raid5] [raid4]
md3 : active raid6 sda1[8] sdh1[7] sdg1[6] sdf1[5] sdd1[10](S) sdd2[11](S)
      5853468288 blocks super 1.2 level 6, 64k chunk, algorithm 2 [4/4] [UUUU]

md4 : inactive raid1 sda3[0](F) sdb3[1](S)
      4883648 blocks [2/2] [UU]

md8 : active raid1 sdb1[1] sda1[0] sdc[2](S) sde[3](S)
      195310144 blocks [2/2] [UU]
      [=>...................]  resync =  8.5% (16775552/195310144) finish=17.0min speed=2K/sec

md201 : active raid1 sda3[0] sdb3[1]
      1993728 blocks super 1.2 [2/2] [UU]
      [=>...................]  check =  5.7% (114176/1993728) finish=0.2min speed=2K/sec

md7 : active raid6 sdb1[0] sde1[3] sdd1[2] sdc1[1](F)
      7813735424 blocks super 1.2 level 6, 512k chunk, algorithm 2 [4/3] [U_UU]
      bitmap: 0/30 pages [0KB], 65536KB chunk

md9 : active raid1 sdc2[2] sdd2[3] sdb2[1] sda2[0] sde[4](F) sdf[5](F) sdg[6](S)
      523968 blocks super 1.2 [4/4] [UUUU]
        resync=DELAYED

md11 : active (auto-read-only) raid1 sdb2[0] sdc2[1] sdc3[2](F) hda[4](S)
      4190208 blocks super 1.2 [2/2] [UU]
        resync=PENDING

md126 : active raid0 sdb[1] sdc[0]
      1855870976 blocks super external:/md127/0 128k chunks

unused devices: <none>`;

const FILES: Readonly<Record<string, string>> = {
  ...under(PLATFORM, CORETEMP),
  "sys/class/hwmon/hwmon0": "@../../devices/platform/coretemp.0/hwmon/hwmon0",
  ...under(VIRTUAL, { name: "acpitz", temp1_input: "27800", temp1: "5" }),
  "sys/class/hwmon/hwmon1": "@../../devices/virtual/thermal/thermal_zone0/hwmon1",
  [`${PCI}/temp9_input`]: "33000",
  ...under(`${PCI}/hwmon/hwmon2`, { name: "K10 Temp!", device: "@../../../0000:00:18.3" }),
  [`${PCI}/hwmon/hwmon2/temp1_input`]: "1000",
  "sys/class/hwmon/hwmon2": "@../../devices/pci0000:00/0000:00:18.3/hwmon/hwmon2",
  ...under(`${THERMAL}/thermal_zone0`, {
    type: "x86_pkg_temp",
    policy: "step_wise",
    temp: "49925",
  }),
  ...under(`${THERMAL}/thermal_zone1`, { type: "bcm2835", policy: "step_wise", temp: "-1200" }),
  ...under(`${THERMAL}/cooling_device0`, { type: "Processor", cur_state: "1", max_state: "10" }),
  ...under(EDAC, {
    ce_count: "1",
    ue_count: "5",
    ce_noinfo_count: "2",
    ue_noinfo_count: "6",
    "csrow0/ce_count": "3",
    "csrow0/ue_count": "4",
  }),
  ...under("sys/class/nvme/nvme0", {
    firmware_rev: "1B2QEXP7",
    model: "Fast SSD 512GB               ",
    serial: "S680HF8N19   ",
    state: "live",
  }),
  ...zone("intel-rapl:0", "package-0"),
  ...zone("intel-rapl:0:0", "core"),
  ...zone("intel-rapl:1", "package-10"),
  ...zone("intel-rapl:1:0", "core"),
  ...zone("intel-rapl:2", "dram-a-b"),
  [`${POWERCAP}/intel-rapl/enabled`]: "1",
  ...under("sys/class/power_supply/BAT0", BATTERY),
  ...under("sys/class/power_supply/BAT1", { temp: "-55", current_now: "-1000", type: "Battery" }),
  ...under("sys/class/power_supply/AC", { online: "0", type: "Mains" }),
  ...under(NET, {
    bonding_masters: "bond0 dmz int",
    "bond0/bonding/slaves": "",
    "dmz/bonding/slaves": "eth0 eth4",
    "dmz/lower_eth0/bonding_slave/mii_status": "up",
    "dmz/lower_eth4/bonding_slave/mii_status": "up",
    "int/bonding/slaves": "eth5 eth1",
    "int/slave_eth1/bonding_slave/mii_status": "down",
    "int/slave_eth5/bonding_slave/mii_status": "up",
  }),
  ...under("sys/class/dmi/id", {
    bios_date: "04/12/2021",
    bios_release: "2.2",
    bios_vendor: "Maker Inc.",
    board_asset_tag: "",
    board_vendor: "Maker  Inc.",
    sys_vendor: "Maker Inc.",
    product_uuid: "83340ca8-cb49-4474-8c29-d2088ca84dd9",
    chassis_type: "10",
    modalias: "dmi:x",
  }),
  "proc/mdstat": MDSTAT,
  "etc/os-release":
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12.5"\n' +
    "VERSION='12 (bookworm)'\nVERSION_CODENAME=bookworm\nID=debian\nHOME_URL=\"https://x\"",
};

function under(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return prefixed(`${folder}/`, files);
}

/** Its attributes, such as `temp1_input`. */
function sensor(name: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return prefixed(`${name}_`, files);
}

function prefixed(prefix: string, files: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(files).map(([name, text]) => [`${prefix}${name}`, text]),
  );
}

function zone(name: string, title: string): Record<string, string> {
  return under(`${POWERCAP}/${name}`, {
    name: title,
    energy_uj: "240422366267",
    max_energy_range_uj: "262143328850",
  });
}

export function writeTree(root: string, files: Readonly<Record<string, string>> = FILES): void {
  for (const [path, text] of Object.entries(files)) {
    const target = join(root, path);
    mkdirSync(dirname(target), { recursive: true });
    if (text.startsWith("@")) symlinkSync(text.slice(1), target);
    else writeFileSync(target, `${text}\n`);
  }
}
