import { createCipheriv } from "node:crypto";
import { Masker } from "../agent/logs/shape/masker.ts";
import { newShapeCounts } from "../agent/logs/shape/shape-counts.ts";
import {
  JOIN_DEFAULTS,
  LINE_BYTES_MAX,
  type ShapeOptions,
} from "../agent/logs/shape/shape-options.ts";
import { createShaper, type Format } from "../agent/logs/shape/shaper.ts";
import type { BenchResult } from "./bench-result.ts";
import { progress } from "./report.ts";

const LINES = 10_000;
const PUSH_BYTES = 256 * 1024;
const ROUNDS = 5;
const SECONDS_MIN = 0.4;

/**
 * What it costs to make lines of a file's bytes, in MB a second of CPU time: 200-byte lines of JSON
 * with all that is on by default, splitting alone, and other kinds of files. The best of some rounds:
 * the machine is shared, and nothing makes a round faster than the code is.
 */
export async function shape(): Promise<BenchResult> {
  const json = repeated(jsonLine);
  const text = repeated(textLine);
  const vs: Record<string, number> = { baseline_aes_mb: 0 };
  let value = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    progress(`round ${round + 1} of ${ROUNDS}`);
    const best = (name: string, figure: number) => {
      vs[name] = Math.max(vs[name] ?? 0, figure);
    };
    best("baseline_aes_mb", cpuRate(json, encrypt));
    value = Math.max(value, cpuRate(json, shaping("plain", true)));
    best("split_alone_mb", cpuRate(json, shaping("plain", false)));
    best("text_mb", cpuRate(text, shaping("plain", true)));
    best("docker_json_mb", cpuRate(repeated(dockerLine), shaping("docker-json", true)));
    best("cri_mb", cpuRate(repeated(criLine), shaping("cri", true)));
    best("traces_mb", cpuRate(repeated(traceLine), shaping("plain", true)));
    best("secrets_mb", cpuRate(repeated(secretLine), shaping("plain", true)));
  }
  return { name: "shape", value, unit: "MB per CPU-second", vs };
}

function shaping(format: Format, isAll: boolean): (bytes: Buffer) => void {
  const counts = newShapeCounts();
  const options: ShapeOptions = {
    lineBytesMax: LINE_BYTES_MAX,
    encoding: null,
    join: isAll ? JOIN_DEFAULTS : null,
    masker: isAll ? new Masker([], counts) : null,
    counts,
  };
  let bytesOut = 0;
  const shaper = createShaper(format, options, 0, ({ start, end }) => {
    bytesOut += end - start;
  });
  return (bytes) => {
    for (let at = 0; at < bytes.length; at += PUSH_BYTES) {
      shaper.push(bytes.subarray(at, at + PUSH_BYTES), 0);
    }
    if (bytesOut === 0) throw new Error("no line came out");
  };
}

/** Megabytes per second of CPU time. */
function cpuRate(bytes: Buffer, work: (bytes: Buffer) => void): number {
  work(bytes);
  const before = process.cpuUsage();
  for (let count = 1; ; count += 1) {
    work(bytes);
    const { user, system } = process.cpuUsage(before);
    const seconds = (user + system) / 1e6;
    if (seconds > SECONDS_MIN) return Math.round((bytes.length * count) / seconds / 1e6);
  }
}

/** How fast the machine is at this moment, by a piece of work that does not change. */
function encrypt(bytes: Buffer): void {
  createCipheriv("aes-128-cbc", bytes.subarray(0, 16), bytes.subarray(16, 32)).update(bytes);
}

function repeated(line: (i: number) => string): Buffer {
  return Buffer.from(Array.from({ length: LINES }, (_, i) => line(i)).join(""));
}

function jsonLine(i: number): string {
  const time = `2026-11-30T03:${10 + (i % 50)}:12.${100 + (i % 900)}Z`;
  const message = `request completed by worker ${i % 7} of the pool`;
  const body = `{"time":"${time}","level":"info","logger":"http.server","msg":"${message}",`;
  const rest = `"method":"GET","path":"/api/v1/items/${i % 977}","status":200,"duration_ms":${i % 313}`;
  return `${body}${rest},"ip":"10.2.${i % 255}.7"}\n`;
}

function textLine(i: number): string {
  const time = `2026-11-30 03:${10 + (i % 50)}:12,${100 + (i % 900)}`;
  const message = `Served GET /api/v1/items/${i % 977} for 10.2.${i % 255}.7 in ${i % 313} ms`;
  return `${time} INFO  [pool-1-thread-${i % 8}] com.example.http.RequestHandler - ${message}\n`;
}

function dockerLine(i: number): string {
  const time = `2026-11-30T03:${10 + (i % 50)}:12.${100_000_000 + i}Z`;
  return `${JSON.stringify({ log: jsonLine(i), stream: "stdout", time })}\n`;
}

function criLine(i: number): string {
  return `2026-11-30T03:${10 + (i % 50)}:12.${100_000_000 + i}Z stdout F ${jsonLine(i)}`;
}

function traceLine(i: number): string {
  if (i % 20 === 0) return textLine(i).replace(" INFO ", " ERROR");
  if (i % 20 === 1) return "java.lang.IllegalStateException: pool is closed\n";
  return `\tat com.example.pool.Pool.acquire${i % 5}(Pool.java:${i % 400})\n`;
}

function secretLine(i: number): string {
  return textLine(i).replace("for 10.2", `?token=${"ab12cd34".repeat(4)} for 10.2`);
}
