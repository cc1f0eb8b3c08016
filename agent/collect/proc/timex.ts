import { DOUBLE_SCALE } from "../../../shared/model/series-definition.ts";
import { type Collector, counter, familiesOf, gauge, JOB_NODE } from "../collector.ts";
import type { CollectContext } from "../context.ts";
import { SignedRow } from "../kit/signed-row.ts";
import { type Adjtimex, loadAdjtimex } from "./adjtimex.ts";
import { TIMEX_BYTES, timexValues } from "./timex-values.ts";

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
  let row: SignedRow | null = null;
  return {
    name: "timex",
    families: familiesOf(SPECS),
    collect: () => {
      adjtimex ??= load();
      timex.fill(0);
      const state = adjtimex(timex);
      row ??= new SignedRow(context.sink, SPECS, { job: JOB_NODE });
      row.setAll(timexValues(timex, state));
    },
    close: () => undefined,
  };
}
