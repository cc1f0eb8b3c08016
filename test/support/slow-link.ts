import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { DIST } from "./programs.ts";

const PROGRAM = join(DIST, "test/support/tun-pipe.js");

export type LinkQuality = {
  /** One way. */
  readonly delayMs: number;
  /** Share of packets, each way. */
  readonly loss: number;
};

/** Carries packets between the devices of two namespaces, late, and not all of them. */
export class SlowLink implements Disposable {
  readonly #ends: readonly ChildProcess[];

  /** @param enter commands, one a namespace, that run another one there; both have the device */
  constructor(enter: readonly (readonly string[])[], device: string, quality: LinkQuality) {
    const ends = enter.map((command) => {
      const [program = "", ...args] = [...command, process.execPath, PROGRAM, device];
      return spawn(program, args, { stdio: ["pipe", "pipe", "inherit"] });
    });
    const [left, right] = ends;
    if (left === undefined || right === undefined) throw new Error("a link has two ends");
    carry(left, right, quality);
    carry(right, left, quality);
    this.#ends = ends;
  }

  [Symbol.dispose](): void {
    for (const end of this.#ends) end.kill("SIGKILL");
  }
}

function carry(from: ChildProcess, to: ChildProcess, { delayMs, loss }: LinkQuality): void {
  let rest: Buffer = Buffer.alloc(0);
  to.stdin?.on("error", () => {}); // the link is being taken down
  from.stdout?.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16LE(0)) {
      const packet = Buffer.from(rest.subarray(0, 2 + rest.readUInt16LE(0)));
      rest = rest.subarray(packet.length);
      if (Math.random() >= loss) setTimeout(() => to.stdin?.write(packet), delayMs);
    }
  });
}
