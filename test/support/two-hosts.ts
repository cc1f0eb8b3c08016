import { spawnSync } from "node:child_process";

/** A network in which two hosts see each other and nothing else. */
export class TwoHosts implements Disposable {
  readonly left: Namespace;
  readonly right: Namespace;
  /** What the kernel here cannot do; "": it can do all. */
  readonly lack: string;

  /** Why there can be no such network here; "": there can. */
  static missing(): string {
    if (process.getuid?.() !== 0) return "needs root";
    for (const name of ["ip", "iptables"]) {
      if (spawnSync(name, ["-V"]).error !== undefined) return `needs ${name}`;
    }
    const probe = `tt-probe-${process.pid}`;
    const { status } = spawnSync("ip", ["netns", "add", probe]);
    spawnSync("ip", ["netns", "del", probe]);
    return status === 0 ? "" : "needs the right to make network namespaces";
  }

  /** @param delayMs one way; @param loss of packets, each way */
  constructor(delayMs: number, loss: number) {
    this.left = new Namespace(`tt-left-${process.pid}`, "10.211.9.1");
    this.right = new Namespace(`tt-right-${process.pid}`, "10.211.9.2");
    const peer = ["peer", "name", "link0", "netns", this.right.name];
    run(["ip", "-n", this.left.name, "link", "add", "link0", "type", "veth", ...peer]);
    for (const { name, address } of [this.left, this.right]) {
      run(["ip", "-n", name, "address", "add", `${address}/24`, "dev", "link0"]);
      for (const device of ["lo", "link0"]) run(["ip", "-n", name, "link", "set", device, "up"]);
    }
    const lacks = [this.left, this.right].map((host) => host.worsen(delayMs, loss));
    this.lack = lacks.find((lack) => lack !== "") ?? "";
  }

  /** Packets are lost without a word, both ways. */
  cut(): void {
    this.left.iptables(["-I", "INPUT", "-i", "link0", "-j", "DROP"]);
    this.left.iptables(["-I", "OUTPUT", "-o", "link0", "-j", "DROP"]);
  }

  heal(): void {
    this.left.iptables(["-D", "INPUT", "-i", "link0", "-j", "DROP"]);
    this.left.iptables(["-D", "OUTPUT", "-o", "link0", "-j", "DROP"]);
  }

  [Symbol.dispose](): void {
    for (const { name } of [this.left, this.right]) spawnSync("ip", ["netns", "del", name]);
  }
}

class Namespace {
  readonly name: string;
  readonly address: string;
  /** A command put before another runs that one here. */
  readonly enter: readonly string[];

  constructor(name: string, address: string) {
    this.name = name;
    this.address = address;
    this.enter = ["ip", "netns", "exec", name];
    run(["ip", "netns", "add", name]);
  }

  /** Returns what the kernel has no means for. */
  worsen(delayMs: number, loss: number): string {
    const netem = ["netem", "delay", `${delayMs}ms`, "loss", `${loss * 100}%`];
    const tc = [...this.enter, "tc", "qdisc", "add", "dev", "link0", "root", ...netem];
    if (spawnSync(tc[0] ?? "", tc.slice(1)).status === 0) return "";
    const random = ["-m", "statistic", "--mode", "random", "--probability", `${loss}`];
    this.iptables(["-A", "OUTPUT", "-o", "link0", ...random, "-j", "DROP"]);
    return "no netem in this kernel: packets are lost and not delayed";
  }

  iptables(rule: readonly string[]): void {
    run([...this.enter, "iptables", ...rule]);
  }

  /** The body of an HTTP answer, asked for from here. */
  get(url: string): string {
    const script = "fetch(process.argv[1]).then(async (r) => process.stdout.write(await r.text()))";
    return run([...this.enter, process.execPath, "-e", script, url]);
  }
}

/** @throws Error with what it wrote, when it fails */
function run(command: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(command[0] ?? "", command.slice(1), {
    encoding: "utf8",
    timeout: 20_000,
  });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command.join(" ")}: ${stderr}`);
  return stdout;
}
