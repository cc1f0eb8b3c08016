// The Debian packages with which every test runs. `node scripts/test-tools.mjs` prints the command
// that brings those that are missing; with `--install` (as root, on Debian) runs it.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const PACKAGES = [
  "busybox-static", // the image of the containers that tests run
  "ca-certificates",
  "chromium", // in which the page is opened
  "docker.io",
  "iproute2", // networks of two hosts
  "iptables",
  "logrotate", // whose rotated logs are followed
  "nginx", // whose access log is counted in
  "openssl", // a client that is not ours
  "podman", // whose containers' logs are read
  "prometheus", // promtool, and whose answers ours are compared with
  "prometheus-alertmanager", // amtool
  "prometheus-blackbox-exporter", // whose probes ours are compared with
  "prometheus-node-exporter", // whose values ours are compared with
  "runc",
  "systemd", // journald and journalctl
  "systemd-journal-remote", // makes journals of other times
  "util-linux", // unshare, nsenter
  "victoria-metrics", // vmagent, which writes to ours
  "wrk", // a load generator
];
const INSTALL = "apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=300";
/** While this answers 101, packages start no service. */
const POLICY = "/usr/sbin/policy-rc.d";
const TRIES = 3;

function missingPackages() {
  const { stdout } = spawnSync("dpkg", ["--get-selections", ...PACKAGES], { encoding: "utf8" });
  const installed = new Set(stdout?.match(/^\S+(?=\s+(?:install|hold)$)/gm));
  return PACKAGES.filter((name) => !installed.has(name));
}

export function installCommand() {
  const missing = missingPackages();
  return missing.length === 0 ? "" : `${INSTALL} ${missing.join(" ")}`;
}

function install() {
  const hadPolicy = existsSync(POLICY);
  if (!hadPolicy) writeFileSync(POLICY, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    for (let attempt = 1; installCommand() !== "" && attempt <= TRIES; attempt += 1) {
      // The lists of a fresh machine are empty; others need not be fetched.
      if (attempt > 1) apt("apt-get update");
      apt(installCommand());
    }
  } finally {
    if (!hadPolicy) rmSync(POLICY);
  }
}

function apt(command) {
  console.error(command);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  spawnSync("sh", ["-c", command], { env, stdio: ["ignore", 2, 2] });
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  if (process.argv[2] === "--install" && installCommand() !== "") install();
  const command = installCommand();
  if (command !== "") console.log(command);
  process.exitCode = command === "" ? 0 : 1;
}
