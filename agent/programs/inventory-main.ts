#!/usr/bin/env node
// Says in one JSON line what this machine is, and ends. A process of its own, because the library
// that finds it out is large and starts others: the agent itself never loads it.
import { setPriority } from "node:os";
import { stdout } from "node:process";
import system from "systeminformation";

const DISKS_MAX = 256;
const POLITE = 10;

try {
  setPriority(POLITE);
} catch {
  // A sandbox may forbid it; the answers are the same.
}
const [cpu, machine, os, devices] = await Promise.all([
  system.cpu(),
  system.system(),
  system.osInfo(),
  system.blockDevices(),
]);
const disks = devices.filter(({ type, size }) => type === "disk" && size > 0);
const facts = {
  node: {
    arch: os.arch,
    cpu_vendor: cpu.manufacturer,
    cpu_model: cpu.brand,
    cpu_cores: String(cpu.cores),
    cpu_physical_cores: String(cpu.physicalCores),
    virtualization: machine.virtual ? machine.virtualHost || "unknown" : "none",
  },
  disks: disks.slice(0, DISKS_MAX).map(({ name, model, serial, physical, size }) => ({
    device: name,
    model,
    serial,
    type: physical,
    size: String(size),
  })),
};
stdout.write(`${JSON.stringify(facts)}\n`);
