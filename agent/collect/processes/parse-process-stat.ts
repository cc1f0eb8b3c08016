import { ByteScanner } from "../kit/byte-scanner.ts";

/** Where the command stands in the bytes, and the numbers that follow it. One for all parses. */
export class ProcessStat {
  commandStart = 0;
  commandEnd = 0;
  isKernelThread = false;
  /** User and system time, in hundredths of a second. */
  cpuTime = 0;
  threads = 0;
  /** In hundredths of a second from the boot. */
  startTime = 0;
  residentPages = 0;
}

const OPENING = 40;
const CLOSING = 41;
const PF_KTHREAD = 0x0020_0000;
/** A kernel worker shows what it works on; others have 15 bytes. */
const COMMAND_BYTES_MAX = 64;

/**
 * Reads /proc/PID/stat. The command may hold anything, spaces, newlines and brackets too, so it ends
 * at the last closing bracket. False when a number is missing or malformed.
 * Source: proc_pid_stat(5); fields below are numbered as there.
 */
export function parseProcessStat(bytes: Uint8Array, length: number, into: ProcessStat): boolean {
  const end = Math.min(length, bytes.length);
  const start = bytes.subarray(0, end).indexOf(OPENING) + 1;
  const close = bytes.subarray(0, end).lastIndexOf(CLOSING);
  if (start === 0 || close < start || close - start > COMMAND_BYTES_MAX) return false;
  into.commandStart = start;
  into.commandEnd = close;
  const scan = new ByteScanner(bytes, end);
  scan.at = close + 1;
  scan.skipWords(6); // 3 state to 8 tpgid
  const flags = scan.count();
  scan.skipWords(4); // 10 minflt to 13 cmajflt
  const userTime = scan.count();
  const systemTime = scan.count();
  scan.skipWords(4); // 16 cutime to 19 nice
  into.threads = scan.count();
  scan.skipWords(1); // 21 itrealvalue
  into.startTime = scan.count();
  scan.skipWords(1); // 23 vsize
  into.residentPages = scan.count();
  into.isKernelThread = flags >= 0 && Math.floor(flags / PF_KTHREAD) % 2 === 1;
  into.cpuTime = userTime + systemTime;
  const { threads, startTime, residentPages } = into;
  return Math.min(flags, userTime, systemTime, threads, startTime, residentPages) >= 0;
}
