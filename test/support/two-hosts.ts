import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { promisify } from "node:util";
import { type LinkQuality, SlowLink } from "./slow-link.ts";

const DEVICE = "link0";

/** A network in which two hosts see each other and nothing else. */
export class TwoHosts implements Disposable {
  readonly left: Namespace;
  readonly right: Namespace;
  readonly #link: SlowLink;

  /** Why there can be no such network here; "": there can. */
  static missing(): string {
    if (process.getuid?.() !== 0) return "needs root";
    if (!existsSync("/dev/net/tun")) return "needs /dev/net/tun";
    for (const name of ["ip", "iptables"]) {
      if (spawnSync(name, ["-V"]).error !== undefined) return `needs ${name}`;
    }
    const probe = `tt-probe-${process.pid}`;
    const { status } = spawnSync("ip", ["netns", "add", probe]);
    spawnSync("ip", ["netns", "del", probe]);
    return status === 0 ? "" : "needs the right to make network namespaces";
  }

  constructor(quality: LinkQuality) {
    this.left = new Namespace(`tt-left-${process.pid}`, "10.211.9.1");
    this.right = new Namespace(`tt-right-${process.pid}`, "10.211.9.2");
    const hosts = [this.left, this.right];
    for (const { name, address } of hosts) {
      run(["ip", "-n", name, "tuntap", "add", "dev", DEVICE, "mode", "tun"]);
      run(["ip", "-n", name, "address", "add", `${address}/24`, "dev", DEVICE]);
      for (const device of ["lo", DEVICE]) run(["ip", "-n", name, "link", "set", device, "up"]);
    }
    // Not the kernel's netem: few kernels of virtual machines have it.
    this.#link = new SlowLink(
      hosts.map(({ enter }) => enter),
      DEVICE,
      quality,
    );
  }

  /** Packets are lost without a word, both ways. */
  cut(): void {
    this.left.iptables(["-I", "INPUT", "-i", DEVICE, "-j", "DROP"]);
    this.left.iptables(["-I", "OUTPUT", "-o", DEVICE, "-j", "DROP"]);
  }

  heal(): void {
    this.left.iptables(["-D", "INPUT", "-i", DEVICE, "-j", "DROP"]);
    this.left.iptables(["-D", "OUTPUT", "-o", DEVICE, "-j", "DROP"]);
  }

  [Symbol.dispose](): void {
    this.#link[Symbol.dispose]();
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

  iptables(rule: readonly string[]): void {
    run([...this.enter, "iptables", ...rule]);
  }

  /** The body of an HTTP answer, asked for from here; the link, which this process carries, goes on. */
  async get(url: string): Promise<string> {
    const script = "fetch(process.argv[1]).then(async (r) => process.stdout.write(await r.text()))";
    const [program = "", ...args] = [...this.enter, process.execPath, "-e", script, url];
    return (await promisify(execFile)(program, args, { timeout: 20_000 })).stdout;
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
