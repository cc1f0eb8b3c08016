import { openSync, read, writeSync } from "node:fs";
import { stdin, stdout } from "node:process";
import { loadCLibrary } from "../../shared/platform/c-library.ts";

/*
 * One end of a SlowLink, run in the namespace of a host: packets that the kernel sends through the
 * device go to the standard output, those on the standard input come in through it. Each has its
 * length in two bytes before it. Source: kernel docs, networking/tuntap.
 */
const TUNSETIFF = 0x400454ca;
const IFF_TUN_NO_PI = 0x1001;
const IFREQ_BYTES = 40;
const NAME_BYTES = 16;
const PACKET_BYTES_MAX = 65_535;

const descriptor = openSync("/dev/net/tun", "r+");
const ifreq = Buffer.alloc(IFREQ_BYTES);
ifreq.write(process.argv[2] ?? "", "latin1");
ifreq.writeUInt16LE(IFF_TUN_NO_PI, NAME_BYTES);
const ioctl = loadCLibrary().func("int ioctl(int file, unsigned long request, void *argument)");
if (ioctl(descriptor, TUNSETIFF, ifreq) !== 0) throw new Error("no such device");

const packet = Buffer.alloc(PACKET_BYTES_MAX);
function readNext(): void {
  read(descriptor, packet, 0, packet.length, null, (error, count) => {
    if (error !== null) throw error;
    const head = Buffer.alloc(2);
    head.writeUInt16LE(count);
    stdout.write(Buffer.concat([head, packet.subarray(0, count)]));
    readNext();
  });
}

let rest: Buffer = Buffer.alloc(0);
stdin.on("data", (chunk: Buffer) => {
  rest = Buffer.concat([rest, chunk]);
  while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16LE(0)) {
    const end = 2 + rest.readUInt16LE(0);
    writeSync(descriptor, rest, 2, end - 2);
    rest = rest.subarray(end);
  }
});
stdin.on("end", () => process.exit());
readNext();
