/** Bytes of `struct timex` on 64-bit Linux. Source: adjtimex(2), <sys/timex.h>. */
export const TIMEX_BYTES = 208;

/** In nanoseconds, not microseconds. */
const STA_NANO = 0x2000;
/** What adjtimex(2) returns while the clock is not synchronised. */
const TIME_ERROR = 5;
/** Frequencies are in parts per million with 16 binary places. */
const PPM_16 = 65_536 * 1e6;

/**
 * What adjtimex(2) filled in, by the order of the specs of the collector timex: times in the units
 * that their names say, as doubles.
 */
export function timexValues(bytes: Buffer, clockState: number): number[] {
  const long = (at: number) => Number(bytes.readBigInt64LE(at));
  const status = bytes.readInt32LE(40);
  const fraction = (status & STA_NANO) !== 0 ? 1e9 : 1e6;
  return [
    clockState === TIME_ERROR ? 0 : 1,
    long(8) / fraction,
    1 + long(16) / PPM_16,
    long(24) / 1e6,
    long(32) / 1e6,
    status,
    long(48),
    long(88) / 1e6,
    long(96) / PPM_16,
    long(104) / fraction,
    bytes.readInt32LE(112),
    long(120) / PPM_16,
    long(128),
    long(136),
    long(144),
    long(152),
    bytes.readInt32LE(160),
  ];
}
