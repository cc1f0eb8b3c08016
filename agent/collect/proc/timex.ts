import { OperationalError } from "../../../shared/errors.ts";
import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import { loadCLibrary } from "../../../shared/platform/c-library.ts";
import { type Collector, counter, familiesOf, gauge, JOB_NODE, SeriesRow } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { readingCollector } from "../kit/reading.ts";

/** In the order of `timexValues`. */
const SPECS = [
  gauge("node_timex_sync_status", "Whether the clock is synchronised."),
  gauge("node_timex_offset_seconds", "How far the clock is off.", DOUBLE_SCALE),
  gauge("node_timex_frequency_adjustment_ratio", "Correction of its speed.", DOUBLE_SCALE),
  gauge("node_timex_maxerror_seconds", "How far off it is at most.", DOUBLE_SCALE),
  gauge("node_timex_estimated_error_seconds", "How far off it may be.", DOUBLE_SCALE),
  gauge("node_timex_status", "Bits of the clock's status."),
  gauge("node_timex_loop_time_constant", "Time constant of the phase-locked loop."),
  gauge("node_timex_tick_seconds", "Time from tick to tick.", DOUBLE_SCALE),
  gauge("node_timex_pps_frequency_hertz", "Frequency by pulse per second.", DOUBLE_SCALE),
  gauge("node_timex_pps_jitter_seconds", "Jitter of the pulse.", DOUBLE_SCALE),
  gauge("node_timex_pps_shift_seconds", "Interval of the pulse, as a power of two."),
  gauge("node_timex_pps_stability_hertz", "Changes of frequency lately.", DOUBLE_SCALE),
  counter("node_timex_pps_jitter_total", "Pulses with too much jitter."),
  counter("node_timex_pps_calibration_total", "Intervals of calibration."),
  counter("node_timex_pps_error_total", "Errors of calibration."),
  counter("node_timex_pps_stability_exceeded_total", "Times that it was not stable."),
  gauge("node_timex_tai_offset_seconds", "Offset of International Atomic Time."),
];

/** The kernel's clock and how well it is kept. */
export function timexCollector(context: CollectContext, load = loadAdjtimex): Collector {
  const timex = Buffer.alloc(TIMEX_BYTES);
  let adjtimex: Adjtimex | null = null;
  return readingCollector(context, "timex", SPECS, (reading) => {
    adjtimex ??= load();
    timex.fill(0);
    const values = timexValues(timex, adjtimex(timex));
    for (const [index, spec] of SPECS.entries()) reading.set(spec, {}, values[index] ?? 0);
  });
}

const TIME_SPECS = [gauge("node_time_seconds", "Time of the tick, in seconds since 1970.", 3)];

export function timeCollector(context: CollectContext): Collector {
  const row = new SeriesRow(context.sink, TIME_SPECS, { job: JOB_NODE });
  return {
    name: "time",
    families: familiesOf(TIME_SPECS),
    collect: (nowMs) => row.set(0, nowMs),
    close: () => undefined,
  };
}

/** Fills in a `struct timex` that asks for no change; returns the state of the clock. */
type Adjtimex = (timex: Buffer) => number;

/**
 * adjtimex(2) of the C library: the one thing we ask that no file tells.
 * @throws OperationalError UNAVAILABLE where it cannot be had
 */
function loadAdjtimex(): Adjtimex {
  const library = loadCLibrary();
  const call = library.func("int adjtimex(void *timex)");
  return (timex) => {
    const state = Number(call(timex));
    if (state >= 0) return state;
    throw new OperationalError("UNAVAILABLE", `adjtimex(2) was refused: errno ${library.errno()}`);
  };
}

/** Bytes of `struct timex` on 64-bit Linux. Source: adjtimex(2), <sys/timex.h>. */
const TIMEX_BYTES = 208;

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
