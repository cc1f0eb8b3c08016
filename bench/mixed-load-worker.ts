import { spawn } from "node:child_process";
import { fsyncSync, openSync, writeSync } from "node:fs";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** What one process of the mixed load does until it is ended: `ROLE DIRECTORY SEED`. */
const [role = "", directory = "", seed = "1"] = process.argv.slice(2);
const FILE_BYTES_MAX = 16 * 1024 * 1024;

let state = Number(seed);

/** Ends by itself should the bench be gone without a word. */
const parent = process.ppid;
setInterval(() => {
  if (process.ppid !== parent) process.exit(1);
}, 1000);

const ROLES: Readonly<Record<string, () => Promise<void>>> = {
  burst: async () => {
    burn(between(100, 1500));
    await delay(between(1000, 8000));
  },
  disk: writeFile,
  network: exchange,
  idle: async () => {
    burn(0.2);
    await delay(between(200, 2000));
  },
  memory: async () => {
    const block = Buffer.alloc(between(1, 24) * 1024 * 1024, 1);
    await delay(between(500, 4000));
    block.fill(2, 0, 1024);
    await delay(between(500, 4000));
  },
  forks: async () => {
    for (let count = between(1, 6); count > 0; count -= 1) {
      spawn("true", { stdio: "ignore" });
      await delay(between(5, 100));
    }
    await delay(between(500, 5000));
  },
};

for (;;) await ROLES[role]?.();

function between(low: number, high: number): number {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return low + Math.floor((state / 2 ** 32) * (high - low));
}

function burn(ms: number): void {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs);
}

async function writeFile(): Promise<void> {
  const file = openSync(join(directory, "blocks"), "w");
  for (let written = 0; written < FILE_BYTES_MAX; ) {
    const block = Buffer.alloc(between(4, 512) * 1024, written % 251);
    writeSync(file, block, 0, block.length, written);
    written += block.length;
    if (between(0, 3) === 0) fsyncSync(file);
    await delay(between(50, 2000));
  }
}

/** Requests and answers of all sizes over loopback. */
async function exchange(): Promise<void> {
  const server = createServer((socket) => {
    socket.on("data", () => socket.write(Buffer.alloc(between(100, 60_000))));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const socket = connect(typeof address === "object" ? (address?.port ?? 0) : 0, "127.0.0.1");
  socket.resume();
  for (;;) {
    socket.write(Buffer.alloc(between(50, 2000)));
    await delay(between(2, 10) * between(1, 60));
  }
}
