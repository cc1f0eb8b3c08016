// `npm run e2e:vm`: goes the way of docs/install.md on a virtual machine with systemd, cgroup v2 and
// Docker, and checks what it promises. The commands run here stand there, word for word.
//
// The test bed with the machine is no part of this repository; without it this says so and ends
// well. It needs root, takes some minutes, and reaches no registry.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const root = join(import.meta.dirname, "..");
const shared = process.env.TELLTALE_SHARED ?? join(root, "../shared");
const bed = join(shared, "testbed/systemd-vm.sh");
const environment = { ...process.env, VM_NAME: process.env.VM_NAME ?? "telltale" };
const manual = readFileSync(join(root, "docs/install.md"), "utf8");
const FOLDER = "/root/telltale";
/** The machine is emulated: what takes a second elsewhere may take twenty there. */
const PATIENCE_MS = 300_000;

const obstacle = whyNot();
if (obstacle !== null) {
  console.log(`skipped: ${obstacle}`);
  process.exit(0);
}
const checks = [
  ["install.sh installs", installs],
  ["the aggregator's image is built and runs", runsAggregator],
  ["the agent's service runs, confined", runsAgent],
  ["data of the host and its containers is answered over gRPC", answersQueries],
  ["OOM kills of a container are as many as the kernel's", countsOomKills],
  ["the numbers are the same inside the service's sandbox as outside", seesTheHost],
  ["both come back after kill -9, with what they had", comesBack],
  ["a bad configuration file is named and starts nothing", refusesBadConfig],
  ["install.sh run again upgrades and keeps the configuration", installsAgain],
  ["install.sh --uninstall keeps configuration and state, --purge does not", uninstalls],
];
process.exitCode = await runChecks();

function whyNot() {
  if (!existsSync(bed)) return `no test bed at ${bed} (TELLTALE_SHARED names the folder above it)`;
  if (process.getuid?.() !== 0) return "the test bed needs root";
  if (!existsSync(join(root, "build/telltale"))) return "nothing is packed; run: npm run pack";
  return null;
}

async function runChecks() {
  const context = mkdtempSync(join(tmpdir(), "telltale-e2e-"));
  const isOurs = !isRunning();
  try {
    const needed = ["build/telltale", "aggregator/Dockerfile", ".dockerignore", "package.json"];
    for (const path of [...needed, "package-lock.json", ".npmrc", "compose.yaml"]) {
      cpSync(join(root, path), join(context, path), { recursive: true });
    }
    if (isOurs) onHost("start");
    onHost("push", context, FOLDER);
    for (const [name, check] of checks) {
      const began = Date.now();
      try {
        await check();
      } catch (error) {
        // Each goes on from where the one before ended.
        console.log(`FAILED  ${name}\n${error.stack}`);
        return 1;
      }
      console.log(`ok      ${name} (${Math.round((Date.now() - began) / 1000)} s)`);
    }
    console.log(`${checks.length} passed`);
    return 0;
  } finally {
    if (isOurs && process.env.VM_KEEP === undefined) onHost("stop");
    rmSync(context, { recursive: true });
  }
}

// ---- the checks, in the order of the manual

async function installs() {
  documented("build/telltale/systemd/install.sh");
  assert.match(documented("telltale-agent --check-config"), /is good/);
  assert.match(guest("telltale --version; telltale-aggregator --version"), /^(\S+)\n\1\n$/);
  guest("systemd-analyze verify telltale-agent.service");
}

async function runsAggregator() {
  // What a registry would give where there is one.
  guest("docker tag testbed/node:20 node:22-slim");
  documented("docker build --build-arg PACKED=1 -f aggregator/Dockerfile -t telltale/aggregator .");
  documented(`docker run -d --name telltale-aggregator --restart unless-stopped \\
  -e TELLTALE_AGGREGATOR_INSECURE=true \\
  -p 127.0.0.1:7070:7070 -p 127.0.0.1:7071:7071 \\
  -v telltale-aggregator:/var/lib/telltale/aggregator \\
  -v /etc/telltale:/etc/telltale:ro \\
  telltale/aggregator`);
  await until("curl -fsS localhost:7071/-/ready", () => true);
  await until("docker inspect -f '{{.State.Health.Status}}' telltale-aggregator", /^healthy/);
  assert.equal(guest("docker exec telltale-aggregator id -u").trim(), "65532");
}

async function runsAgent() {
  documented("systemctl enable --now telltale-agent");
  await until("systemctl is-active telltale-agent", /^active/);
  const [user, capabilities] = guest(
    "p=$(systemctl show -P MainPID telltale-agent); stat -c %U /proc/$p; grep CapEff /proc/$p/status",
  ).split("\n");
  assert.equal(user, "telltale-agent");
  assert.match(capabilities, /0{15}4$/, "CAP_DAC_READ_SEARCH alone");
  const rating = documented("systemd-analyze security telltale-agent | tail -1");
  assert.ok(Number(/: ([\d.]+)/.exec(rating)?.[1]) < 3, rating);
}

async function answersQueries() {
  await until(inManual("telltale nodes"), (text) => text.includes(guest("hostname").trim()));
  await until(inManual("telltale query up"), /1/);
  guest("docker run -d --name busy --memory 64m testbed/busybox:1 sh -c 'while :; do :; done'");
  const modes = "telltale query 'sum by (mode) (rate(node_cpu_seconds_total[10s]))'";
  await until(inManual(modes), /idle/);
  const id = guest("docker inspect -f '{{.Id}}' busy").trim();
  const memory = "telltale query 'container_spec_memory_limit_bytes > 0'";
  await until(inManual(memory), (text) => text.includes(id.slice(0, 12)));
  await until(
    `telltale query --output json 'rate(container_cpu_usage_seconds_total{id=~".*${id}.*"}[10s]) > 0.1'`,
    (text) => text.includes(id),
  );
  // By its name, though Docker's socket is closed to the agent.
  await until("telltale query 'telltale_container_info{name=\"busy\"}'", /docker-config/);
  guest("docker rm -f busy");
}

/** Its first process survives them. */
async function countsOomKills() {
  const big = "dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null";
  const command = `while :; do for i in 1 2 3; do ${big} & done; wait; sleep 1; done`;
  guest(
    `docker run -d --name oom --memory 32m --memory-swap 32m testbed/busybox:1 sh -c '${command}'`,
  );
  const id = guest("docker inspect -f '{{.Id}}' oom").trim();
  const files = `find /sys/fs/cgroup -path '*${id}*' -name memory.events -o -path '*${id}*' -name memory.oom_control`;
  const kernel = `${files} | xargs grep -h '^oom_kill '`;
  await until(kernel, (text) => Number(text.split(" ")[1]) >= 10);
  guest("docker pause oom");
  const kills = Number(guest(kernel).split(" ")[1]);
  const counted = `telltale query --output json 'container_oom_events_total{id=~".*${id}.*"}'`;
  await until(counted, (text) => JSON.parse(text).result[0]?.value[1] === String(kills));
  guest("docker rm -f oom");
}

async function seesTheHost() {
  guest(`mkdir -p -m 700 /root/closed /home/someone && mkdir -p /root/closed/deep /home/someone/ro
    mount -t tmpfs -o size=3M sandbox-deep /root/closed/deep
    mount -t tmpfs -o size=5M,ro sandbox-ro /home/someone/ro`);
  await until("curl -fsS localhost:7072/metrics", /_size_bytes\{[^}]*closed\/deep"\} 3145728\n/);
  assert.match(guest("curl -fsS localhost:7072/metrics"), /_readonly\{[^}]*someone\/ro"\} 1\n/);
  // Two readings at different times: only what stands still can be compared.
  const steady =
    "grep -E '^(node_filesystem_(size_bytes|files|readonly|device_error)\\{|node_uname_info|node_memory_MemTotal_bytes|node_boot_time_seconds|container_start_time_seconds|container_spec_memory_limit_bytes)'";
  const names = `grep -E '^(node_pressure|node_disk|node_network|container_pressure)' | sed 's/ [^ ]*$//'`;
  for (const filter of [steady, names]) {
    // Who a container is comes from Docker's socket outside and from its files inside, each in its time.
    const unnamed = `${filter} | sed -E 's/,(name|image)="[^"]*"//g' | sort`;
    await untilEqual(
      `curl -fsS localhost:7072/metrics | ${unnamed}`,
      `telltale-agent once | ${unnamed}`,
    );
  }
  // What the sandbox forbids fails for ever; the bus of a busy machine may be late once.
  await until(
    "curl -fsS localhost:7072/metrics | grep '^node_scrape_collector_success' | grep -v ' 1$' || true",
    /^$/,
  );
  await until("curl -fsS localhost:7072/metrics", /telltale_node_info\{[^}]*arch=/);
  // Docker's socket is not for everybody, and so not for the agent: the manual says what to do.
  const log = guest("journalctl -u telltale-agent -o cat --no-pager | grep -v docker.sock");
  assert.doesNotMatch(log, /"level":(50|60|"error")|EACCES|EPERM/, log);
}

/** What the one prints and the other; an interface may go between the two, and then both again. */
async function untilEqual(command, other) {
  for (const giveUpAt = Date.now() + PATIENCE_MS; ; await delay(1000)) {
    const inside = guest(command);
    const outside = guest(other);
    assert.ok(inside.split("\n").length > 5, `the page has too little: ${inside}`);
    const [one, two] = [withoutNew(inside, outside), withoutNew(outside, inside)];
    if (one === two) return;
    if (Date.now() > giveUpAt) assert.equal(one, two);
  }
}

/** Cgroups come and go between two readings: those seen on one side only are left out. */
function withoutNew(text, other) {
  const ids = new Set(cgroupsOf(other));
  return text
    .split("\n")
    .filter((line) => cgroupsOf(line).every((id) => ids.has(id)))
    .join("\n");
}

function cgroupsOf(text) {
  return [...text.matchAll(/[{,]id="([^"]*)"/g)].map((match) => match[1]);
}

async function comesBack() {
  const ticks = "telltale query 'count_over_time(node_load1[1h])' --output json";
  const before = countIn(guest(ticks));
  guest("kill -9 $(systemctl show -P MainPID telltale-agent)");
  guest("kill -9 $(docker inspect -f '{{.State.Pid}}' telltale-aggregator)");
  await until("curl -fsS localhost:7071/-/ready", () => true);
  await until("systemctl is-active telltale-agent", /^active/);
  await until(ticks, (text) => countIn(text) > before);
}

function countIn(text) {
  return Number(/"(\d+)"/.exec(text)?.[1] ?? Number.NaN);
}

async function refusesBadConfig() {
  guest("cp /etc/telltale/agent.yaml /tmp/good; echo 'agregator: x:1' >> /etc/telltale/agent.yaml");
  const line = guest("wc -l < /etc/telltale/agent.yaml").trim();
  const { status, errors } = tryGuest(
    "systemctl restart telltale-agent; telltale-agent --check-config",
  );
  assert.equal(status, 2, errors);
  assert.match(errors, new RegExp(`/etc/telltale/agent.yaml:${line}: agregator`));
  assert.match(guest("journalctl -u telltale-agent -o cat --no-pager -n 30"), /agregator/);
  guest("cp /tmp/good /etc/telltale/agent.yaml; systemctl restart telltale-agent");
  await until("systemctl is-active telltale-agent", /^active/);
}

async function installsAgain() {
  guest("echo '# mine' >> /etc/telltale/agent.yaml");
  documented("build/telltale/systemd/install.sh");
  assert.match(
    guest("tail -1 /etc/telltale/agent.yaml; ls -d /usr/lib/telltale*"),
    /^# mine\n\S+\n$/,
  );
  await until("systemctl is-active telltale-agent", /^active/);
}

async function uninstalls() {
  documented("/usr/lib/telltale/systemd/install.sh --uninstall");
  const traces = "find /usr /etc /var/lib -xdev -name '*telltale*' -not -path '/var/lib/docker/*'";
  assert.equal(guest(traces), "/etc/telltale\n/var/lib/telltale\n");
  assert.match(guest("ls /etc/telltale /var/lib/telltale"), /agent\.yaml[\s\S]*agent/);
  guest("build/telltale/systemd/install.sh --uninstall --purge");
  guest("docker rm -f telltale-aggregator");
  assert.equal(guest(`${traces}; getent passwd telltale-agent || true`), "");
}

// ---- the machine

/** Runs a command of the manual on the machine, as root; fails if it is not in the manual. */
function documented(command) {
  return guest(inManual(command));
}

function inManual(command) {
  assert.ok(manual.includes(`\n${command}`), `docs/install.md has no line: ${command}`);
  return command;
}

function guest(command) {
  const { status, output, errors } = tryGuest(command);
  assert.equal(status, 0, `${command}\nended with ${status}:\n${output}${errors}`);
  return output;
}

function tryGuest(command) {
  const { status, stdout, stderr } = spawnSync(bed, ["exec", `cd ${FOLDER} && ${command}`], {
    env: environment,
    encoding: "utf8",
    maxBuffer: 64 * 1024 ** 2,
  });
  if (process.env.VM_VERBOSE !== undefined) console.log(`# ${command}\n${stdout}${stderr}`);
  return { status, output: stdout, errors: stderr };
}

/** Repeats the command until it succeeds and `expected` holds of what it prints. */
async function until(command, expected) {
  const isGood = expected instanceof RegExp ? (text) => expected.test(text) : expected;
  for (const giveUpAt = Date.now() + PATIENCE_MS; ; await delay(1000)) {
    const { status, output, errors } = tryGuest(command);
    if (status === 0 && isGood(output)) return output;
    if (Date.now() < giveUpAt) continue;
    const log = tryGuest(
      "journalctl -u telltale-agent -o cat --no-pager -n 20; docker logs --tail 20 telltale-aggregator",
    );
    assert.fail(`${command}: still ${status}, ${output}${errors}\n${log.output}${log.errors}`);
  }
}

function isRunning() {
  return spawnSync(bed, ["exec", "true"], { env: environment }).status === 0;
}

function onHost(...args) {
  const { status } = spawnSync(bed, args, {
    env: environment,
    stdio: ["ignore", "ignore", "inherit"],
  });
  assert.equal(status, 0, `${bed} ${args.join(" ")}`);
}
